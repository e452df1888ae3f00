"""The nnU-Net cases: tiny models and the images they are run on."""

from dataclasses import dataclass, field

import numpy as np

from images import radiograph

HOLES = ((12, 20, 9, 6), (30, 38, 4, 11), (3, 50, 6, 5))
BINARY = {"background": 0, "pneumothorax": 1}


@dataclass
class Case:
    """One model folder. Defaults: one channel, one fold, nnU-Net's usual resampling. With the seeds chosen, no pixel
    is closer than 4e-5 to another label, and black images agree with ONNX Runtime within 1e-5; with others these differ
    by up to 3e-5, since instance norms amplify rounding on planes of a single value."""
    images: dict  # name -> array (H, W) or (H, W, 3)
    seed: int  # of the weights
    patch: tuple = (32, 32)
    strides: tuple = ((1, 1), (2, 2))
    features: tuple = (4, 8)
    labels: dict = field(default_factory=lambda: dict(BINARY))
    regions_class_order: list | None = None
    normalization: str = "ZScoreNormalization"
    nonzero_only: bool = False
    channels: tuple = ("grey",)
    folds: tuple = ("0",)
    mirror: tuple | None = None
    spacing: tuple = (1.0, 1.0)
    image_spacing: dict | None = None  # name -> (row, column); None: as nnU-Net reads PNG, (1, 1)
    resample: bool = True
    intensities: dict | None = None
    keep_largest: tuple = ()  # values of labels_or_regions, in order


def grey_as_rgb(image):
    return np.repeat(image[:, :, None], 3, 2)


CASES = {
    # Two folds and all mirrorings; the border is cropped, "small" is narrower than the window.
    "zscore-folds": Case(
        seed=21, folds=("0", "1"), mirror=(0, 1), keep_largest=([1],),
        images={"chest": radiograph(70, 90, 1, border=(5, 0, 0, 12)), "small": radiograph(40, 28, 2),
                "black": np.zeros((33, 20), np.uint8)}),
    # Three heads; rows come in multiples of 4, columns in multiples of 2.
    "three-classes": Case(
        seed=12, patch=(28, 22), strides=((1, 1), (4, 2)),
        labels={"background": 0, "effusion": 1, "pneumothorax": 2},
        images={"chest": radiograph(50, 47, 3, border=(0, 3, 2, 2)), "wide": radiograph(33, 64, 4)}),
    # Sigmoid heads that overlap; the second step removes pixels of "core" to background, not to 1.
    "regions": Case(
        seed=13, patch=(32, 24), folds=("all",), mirror=(1,), keep_largest=([1, 2], 2),
        labels={"background": 0, "whole": [1, 2], "core": 2}, regions_class_order=[1, 2],
        images={"chest": radiograph(48, 53, 5, border=(4, 0, 6, 0)), "small": radiograph(30, 41, 6)}),
    # Mean and deviation over pixels that are not 0: the holes stay 0.
    "nonzero-only": Case(
        seed=25, nonzero_only=True,
        images={"holes": radiograph(52, 60, 7, border=(3, 4, 7, 5), holes=HOLES),
                "black": np.zeros((24, 30), np.uint8)}),
    # 16 bits; both axes are resampled, in either direction; 43 rows become 64.5, rounded to even.
    "ct-resampled": Case(
        seed=15, normalization="CTNormalization", spacing=(0.5, 0.8), mirror=(0, 1),
        intensities={"mean": 1210.5, "std": 405.25, "percentile_00_5": 310.0, "percentile_99_5": 2100.0},
        image_spacing={"square": (0.7, 0.7), "oblong": (0.3, 1.2), "half": (0.75, 0.8)},
        images={"square": radiograph(40, 50, 8, 3000, border=(0, 6, 0, 3)), "oblong": radiograph(56, 30, 9, 3000),
                "half": radiograph(43, 28, 10, 3000)}),
    "min-max": Case(
        seed=16, normalization="RescaleTo01Normalization", patch=(24, 32), mirror=(0,),
        images={"chest": radiograph(40, 44, 11, 200, border=(2, 2, 0, 0))}),
    "rgb": Case(
        seed=17, normalization="RGBTo01Normalization", channels=("R", "G", "B"), resample=False,
        images={"chest": grey_as_rgb(radiograph(36, 40, 12))}),
}

"""From DICOM files to network inputs, and from maps to run lengths: OpenCV and NumPy, one image at a time.

Every function releases Python's lock in its long calls, so that a pool of threads runs them in parallel.
"""

import pathlib

import cv2
import numpy as np
import pydicom
from pydicom.pixels import pixel_array
from pydicom.uid import JPEGBaseline8Bit

# Ids of the challenge's second stage are not valid UIDs.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

SHRINK = {"linear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA}


def read(path: pathlib.Path) -> tuple[str, np.ndarray, int]:
    """An image's id, its stored values, (height, width), as floats, and the white value."""
    dataset = pydicom.dcmread(path)
    # Pillow's libjpeg-turbo is the fastest of pydicom's decoders, but not its default.
    jpeg = dataset.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    values = pixel_array(dataset, decoding_plugin="pillow" if jpeg else "")
    if values.ndim != 2 or dataset.PixelRepresentation or "RescaleSlope" in dataset or "ModalityLUTSequence" in dataset:
        raise ValueError(f"{path}: only grey images of unsigned values without a modality transform are read")
    white = 2**dataset.BitsStored - 1
    values = values.astype(np.float32)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        values = white - values
    return str(dataset.get("SOPInstanceUID", path.stem)), values, white


def shrink(values: np.ndarray, size: tuple[int, int], how: str) -> np.ndarray:
    """Resizes to (height, width). Bytes would be a tenth of a millisecond faster, but rounded, which changes scores."""
    return cv2.resize(values, size[::-1], interpolation=SHRINK[how])


def enlarge(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return plane if plane.shape == size else cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR)


def threshold(plane: np.ndarray, above: float) -> np.ndarray:
    """Pixels strictly above the threshold, as 0 and 1."""
    return (plane > np.float32(above)).view(np.uint8)


def min_area(mask: np.ndarray, area: int, at: list[int], per_component: bool = False, connectivity: int = 8) -> np.ndarray:
    """Drops the mask, or its components, of fewer pixels than `area`, counted at (height, width) = `at`."""
    least = area * mask.size / (at[0] * at[1])
    if not per_component:
        return mask if cv2.countNonZero(mask) >= least else np.zeros_like(mask)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=connectivity)
    kept = (stats[:, cv2.CC_STAT_AREA] >= least).astype(np.uint8)
    kept[0] = 0  # the background
    return kept[labels]


def fill_holes(mask: np.ndarray) -> np.ndarray:
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return cv2.drawContours(mask, contours, -1, 1, cv2.FILLED)


STEPS = {"min-area": min_area, "fill-holes": fill_holes}


def postprocess(plane: np.ndarray, steps: list[dict]) -> np.ndarray:
    """Map to mask, by a manifest's steps: a threshold, then any of `STEPS`."""
    first, *rest = steps
    mask = threshold(plane, **first["params"])
    for step in rest:
        if not mask.any():
            break
        mask = STEPS[step["plugin"]](mask, **step.get("params", {}))
    return mask


def encode(mask: np.ndarray) -> str:
    """SIIM's run lengths: down the columns, each offset from the end of the previous run."""
    flat = cv2.transpose(mask).ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    ends = ([0] if flat[0] else [], [flat.size] if flat[-1] else [])
    edges = np.concatenate([ends[0], edges, ends[1]]).astype(np.int64)
    return " ".join(map(str, np.diff(edges, prepend=0).tolist())) or "-1"

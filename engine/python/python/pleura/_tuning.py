"""The search of a manifest's numbers, as `pleura tune` does it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pleura import _pleura
from pleura._ensemble import Ensemble


@dataclass(frozen=True)
class Tuned:
    """The result of a search. Scores are the mean of the metric, in 0..1.

    Attributes
    ----------
    current
        The score of the manifest as it is.
    nested
        The score on images that the choice has not seen, by cross-validation: what to expect of other images.
    gain, gain_interval
        How much higher that is than the manifest's, and its 95 % interval; None if every image has the same gain.
    best
        The score of the best point on the images by which it was chosen: optimistic.
    values
        All searched numbers at the best point, by the manifest's key.
    changes
        Those to change in the manifest; empty if nothing is better.
    folds
        For each fold: `fold`, `images`, `current` and `score`.
    further
        Grids to try next, where the best value is the first or last one tried.
    calibration
        Calibrated probabilities, if they were fitted: the manifest's `kind` and its numbers, and the calibration error
        (`ece`) and Brier score of the scores as they are (`before`) and of probabilities fitted on other folds
        (`nested`).
    images, skipped
        The number of images, and of files that could not be used.
    """

    current: float
    nested: float
    gain: float
    gain_interval: tuple[float, float] | None
    best: float
    values: dict[str, float]
    changes: dict[str, float]
    folds: list[dict[str, Any]]
    further: list[str]
    calibration: dict[str, Any] | None
    images: int
    skipped: int


def tune(
    ensemble: Ensemble,
    images: Iterable[str | os.PathLike[str]],
    truth: str | os.PathLike[str],
    *,
    grid: Mapping[str, float | Sequence[float]] | None = None,
    truth_size: tuple[int, int] = (1024, 1024),
    nested: int = 5,
    metric: Literal["dice", "dice-positives"] = "dice",
    center: bool = False,
    weights: bool = False,
    calibrate: Literal["temperature", "isotonic"] | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> Tuned:
    """Searches thresholds, areas, gates and weights of an ensemble's manifest, by its members' outputs and the truth.

    Open the ensemble with `cache=FOLDER`: outputs that are there cost no inference. With `folds=…`, snapshots predict
    the images that they have not seen, and the cross-validation uses these folds.

    Parameters
    ----------
    ensemble
        The ensemble.
    images
        Files.
    truth
        The truth's CSV, `ImageId,EncodedPixels`.
    grid
        Values to try for a key of the manifest, such as `{"postprocess[0].params.above": [0.3, 0.4, 0.5]}`. Default:
        sensible ranges for the numbers that the manifest has.
    truth_size
        (height, width) of the truth's masks.
    nested
        The number of folds, if the ensemble has none.
    metric
        `"dice"`: of all images, or `"dice-positives"`: of those with a mask in truth.
    center
        Choose the centre of the plateau instead of the best point.
    weights
        Search the members' weights, too.
    calibrate
        Fit calibrated probabilities to the classifier stage's scores, too: one temperature, for few images, or an
        isotonic function, from some hundred images.
    out
        Write the manifest with the best values here, in the same folder; comments stay.
    progress
        Show a progress bar; needs `tqdm`.
    """
    files = list(images)
    bar: Any = None
    if progress:
        from tqdm.auto import tqdm  # type: ignore[import-untyped,unused-ignore]

        bar = tqdm(total=len(files), unit="image")

    def told(path: Path, error: str | None) -> None:
        if bar is not None:
            bar.update()
        if error is not None:
            warnings.warn(f"skipped {path}: {error}", stacklevel=2)

    found = _pleura._tune(
        ensemble._engine,
        files,
        truth,
        grid=[_axis(key, values) for key, values in (grid or {}).items()],
        truth_size=truth_size,
        folds=ensemble._engine.folds,
        nested=nested,
        metric=metric,
        center=center,
        weights=weights,
        calibrate=calibrate,
        out=out,
        told=told,
    )
    if bar is not None:
        bar.close()
    return Tuned(**found)


def _axis(key: str, values: float | Sequence[float]) -> str:
    """As the engine reads it: `KEY=VALUE,VALUE`."""
    listed = [values] if isinstance(values, (int, float)) else list(values)
    return f"{key}={','.join(format(value, 'd' if isinstance(value, int) else '.9f') for value in listed)}"

"""Collections: finding files, reading images and tags, and dividing images into folds, as the engine does."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pleura import _pleura

__all__ = ["Radiograph", "find", "folds", "read", "read_folds", "tags", "write_folds"]

_Path = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Radiograph:
    """An image as the engine reads it.

    Attributes
    ----------
    id
        The image's id: SOPInstanceUID, or the file's stem.
    pixels
        Intensities in 0..1, (height, width); 1 is white, also for MONOCHROME1.
    spacing
        Pixel spacing, (row, column) in mm, if the file states it.
    has_window
        Whether the file has a window or a VOI lookup table.
    remarks
        Harmless oddities of the file.
    """

    id: str
    pixels: NDArray[np.float32]
    spacing: tuple[float, float] | None
    has_window: bool
    remarks: list[str]


def find(*inputs: _Path) -> list[Path]:
    """The image files that inputs name: files, folders (searched recursively) and globs, each once."""
    return [Path(path) for path in _pleura._find(list(inputs))]


def read(path: _Path, *, intensity: Literal["stored", "window"] = "stored") -> Radiograph:
    """Reads a DICOM, PNG or JPEG file.

    Parameters
    ----------
    path
        The file.
    intensity
        `"stored"`: the full range of the stored bits becomes 0..1; `"window"`: the file's own window does.
    """
    if intensity not in ("stored", "window"):
        raise ValueError(f'intensity: expected "stored" or "window", found {intensity!r}')
    return Radiograph(**_pleura._read(path, intensity == "window"))


def tags(path: _Path) -> dict[str, Any]:
    """A file's tags: patient, view, size, spacing and others; None for those that it lacks. Pixels are not decoded."""
    return _pleura._tags(path)


def folds(
    truth: _Path,
    count: int = 5,
    *,
    seed: int = 0,
    patients: Mapping[str, str] | None = None,
    truth_size: tuple[int, int] = (1024, 1024),
) -> dict[str, int]:
    """Divides the images of a truth into folds, balanced by positives and mask area.

    Parameters
    ----------
    truth
        The truth's CSV.
    count
        The number of folds.
    seed
        Another seed gives another division.
    patients
        Each image's patient: images of a patient come into one fold.
    truth_size
        (height, width) of the truth's masks.

    Returns
    -------
    dict
        Each image's fold from 0, in the order of the truth.
    """
    named = None if patients is None else list(patients.items())
    return dict(_pleura._folds(truth, count, seed, named, truth_size))


def write_folds(path: _Path, folds: Mapping[str, int]) -> None:
    """Writes `ImageId,fold`, which recipes and `pleura predict --folds` read."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["ImageId", "fold"])
        rows.writerows(folds.items())


def read_folds(path: _Path) -> dict[str, int]:
    """Reads `ImageId,fold`."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    if rows and not {"ImageId", "fold"} <= rows[0].keys():
        raise ValueError(f"{os.fspath(path)}: expected the columns ImageId and fold, found {', '.join(rows[0])}")
    return {row["ImageId"]: int(row["fold"]) for row in _once(rows, path)}


def _once(rows: Iterable[dict[str, str]], path: _Path) -> Iterable[dict[str, str]]:
    seen = set()
    for row in rows:
        if row["ImageId"] in seen:
            raise ValueError(f"{os.fspath(path)}: image {row['ImageId']} has two rows")
        seen.add(row["ImageId"])
        yield row

"""The ensemble: what the engine gives, and what Python's packages add to it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pleura import _pleura, _program, _runtime
from pleura._pleura import Finding

# A pydicom `Dataset` is known by what it can do, so that pydicom need not be installed.
Image = str | os.PathLike[str] | bytes | NDArray[np.generic] | Any


class Ensemble:
    """An ensemble, opened from its manifest; several threads may use it at once.

    It can be pickled: it is opened again by its path. In a forked child it raises `ForkError`.

    Parameters
    ----------
    manifest
        The path of the manifest.
    device
        `"auto"`, `"cpu"`, `"cuda"`, `"webgpu"`, `"openvino"` or `"coreml"`, or one of a number, such as `"cuda:1"`; a
        list divides the images between devices.
    threads
        Threads within an operator; 0 takes one a core.
    batch
        Views per run of a model; 0 takes 2 on the CPU and 8 on other devices.
    memory, device_memory
        Limits in bytes of all images in progress, and of a model on a GPU (or of all models on the CPU).
    verify_device
        How many inputs of each model are also computed by the CPU when models run on another device. Default: 8.
    onnxruntime
        The ONNX Runtime library. Default: the one of the package `onnxruntime` or `onnxruntime-gpu`.
    exit
        `"exact"` skips members that cannot change a gate's decision, `"full"` runs all. Default: the manifest's.
    maps
        Keep each finding's map of probabilities. Segmenters then always run fully.
    allow_outside
        Whether the manifest may name files outside of its folder.
    plugin_folders
        Folders that are searched first for plugin libraries by name.
    cache, cache_form
        Keep the networks' outputs in this folder, and run none whose output is there: for `tune`. `"exact"`, or
        `"steps16"` or `"steps8"`, which take less space.
    folds
        Each image's fold, by id: snapshots that name a fold run on the images of that fold only. See
        `pleura.data.read_folds`.
    size
        (height, width) at which maps are merged and masks made, instead of the manifest's.
    plugins
        Postprocessing plugins in Python, by the name that the manifest uses: a class, which gets a step's `params` as
        keywords, or an object. `apply(map, mask, context)` gets the map of probabilities, the mask so far (None for the
        first step) and `context.id`, `.original_size`, `.score` (its bounds) and `.spacing`, and returns a boolean array.
        With `uses_score = False`, early exit may leave the score open. An exception fails the image alone.
    """

    def __init__(self, manifest: str | os.PathLike[str], *, device: str | list[str] = "auto", **options: Any) -> None:
        devices = [device] if isinstance(device, str) else list(device)
        found = None if options.get("onnxruntime") or os.environ.get("ORT_DYLIB_PATH") else _runtime.library()
        program = None if os.environ.get("PLEURA_WORKER") else _program.path()
        self._engine = _pleura.Ensemble(manifest, device=devices, _found=found, _program=program, **options)

    @property
    def name(self) -> str:
        """The ensemble's name."""
        return self._engine.name

    @property
    def path(self) -> Path:
        """The manifest's path."""
        return self._engine.path

    @property
    def device(self) -> str:
        """The device on which models run."""
        return self._engine.device

    @property
    def threads(self) -> int:
        """The number of threads within an operator."""
        return self._engine.threads

    def predict(
        self,
        image: Image,
        *,
        id: str | None = None,
        range: tuple[float, float] | None = None,
        inverted: bool = False,
        spacing: tuple[float, float] | None = None,
    ) -> Finding:
        """The finding of one image.

        Parameters
        ----------
        image
            A path; a file's bytes; a pydicom `Dataset`; or an array of (height, width).
        id
            The image's id, for an array; for bytes, what errors call them.
        range
            For an array: its values of black and white, such as `(0, 255)`. Values outside are clipped.
        inverted
            For an array: whether the lowest value is white.
        spacing
            For an array: the pixel spacing, (row, column) in mm, if known.
        """
        return self._engine.predict(image, id=id, range=range, inverted=inverted, spacing=spacing)

    def predict_files(
        self,
        paths: Iterable[str | os.PathLike[str]],
        *,
        progress: bool = False,
        errors: Literal["raise", "skip", "return"] = "raise",
    ) -> Iterator[Finding]:
        """Iterates over the findings of files, in their order.

        Decoding, models and postprocessing of different files run side by side, and memory does not grow with their
        number.

        Parameters
        ----------
        paths
            The files.
        progress
            Show a progress bar; needs `tqdm`.
        errors
            `"raise"`: an image that fails raises `ImageError`, and the next call of `next` goes on with the one after
            it; `"skip"`: it is left out, with a warning; `"return"`: the error takes the finding's place.
        """
        files = list(paths)
        findings = self._engine._predict_files(files, errors=errors)
        if not progress:
            return findings
        from tqdm.auto import tqdm  # type: ignore[import-untyped,unused-ignore]

        return iter(tqdm(findings, total=len(files), unit="image"))

    def explain(
        self,
        image: Image,
        *,
        id: str | None = None,
        range: tuple[float, float] | None = None,
        inverted: bool = False,
        spacing: tuple[float, float] | None = None,
    ) -> dict[str, Any]:
        """What each stage, member and step contributed to an image's result, as a dictionary; early exit is off.

        Parameters are those of `predict`.
        """
        return self._engine.explain(image, id=id, range=range, inverted=inverted, spacing=spacing)

    def __repr__(self) -> str:
        return repr(self._engine)

    def __reduce__(self) -> Any:
        return self._engine.__reduce__()


def _opened(path: Path, options: dict[str, Any]) -> Ensemble:
    """An ensemble that was pickled."""
    return Ensemble(path, **options)

"""Training, as `pleura train` does it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypedDict

from pleura import _pleura, _runtime

_LOGGER = logging.getLogger("pleura")


class Epoch(TypedDict):
    """An epoch's metrics: a line of `metrics.jsonl`."""

    fold: int
    phase: int
    epoch: int
    step: int
    lr: float
    loss: float
    terms: dict[str, float | None]
    validation_loss: float | None
    dice: float | None
    dice_positives: float | None
    iou: float | None
    auc: float | None
    images_per_second: float
    seconds: float
    is_best: bool


class Callback(Protocol):
    """What is called during a training; each method may be missing. `epoch` and `step` may return False to stop it."""

    def epoch(self, metrics: Epoch) -> bool | None:
        """After each epoch, with its validation. Folds, phases and epochs count from 0."""

    def step(self, progress: dict[str, Any]) -> bool | None:
        """About ten times a second: `fold`, `phase`, `epoch`, `step`, `steps`, `loss`, `images_per_second`, `text`."""

    def note(self, text: str) -> None:
        """With a remark. Without such a method, remarks are logged."""


@dataclass(frozen=True)
class Trained:
    """The result of a training.

    Attributes
    ----------
    finished
        False if a callback stopped it: the same call goes on from the last checkpoint. Nothing else is set then.
    models
        The networks as ONNX files, fold by fold, each fold's best first.
    manifest
        The manifest of the networks; None for a fold that was trained alone.
    images, dice, dice_positives, auc
        The number of held-out images, and their metrics: each image predicted by the network that has not seen it.
    """

    finished: bool
    models: list[Path]
    manifest: Path | None
    images: int
    dice: float | None
    dice_positives: float | None
    auc: float | None


def train(
    recipe: str | os.PathLike[str],
    *,
    out: str | os.PathLike[str] | None = None,
    device: str = "auto",
    threads: int = 0,
    fold: int | None = None,
    fresh: bool = False,
    tensorboard: bool = False,
    onnxruntime: str | os.PathLike[str] | None = None,
    callbacks: Sequence[Callback | Callable[[Epoch], bool | None] | object] = (),
) -> Trained:
    """Trains what a recipe declares; goes on where an earlier run stopped. Ctrl-C leaves a checkpoint.

    Parameters
    ----------
    recipe
        The path of the recipe, of networks or of a stacking model.
    out
        The output folder. Default: the recipe's name.
    device
        `"auto"`, `"cpu"`, `"cuda"` or `"cuda:N"`.
    threads
        Threads within an operator; 0 leaves the choice to ONNX Runtime.
    fold
        Train this fold only, counted from 0. Once all are trained, the same call without it writes the manifest.
    fresh
        Start over, and discard what the folder holds.
    tensorboard
        Write event files for TensorBoard to `OUT/tensorboard`.
    onnxruntime
        The ONNX Runtime library. Default: the one of the package `onnxruntime` or `onnxruntime-gpu`.
    callbacks
        Functions, which get each epoch's metrics, or objects with any of the methods of `Callback`. Whatever they raise
        ends the training, and is raised here; the checkpoint stays.

    Raises
    ------
    RecipeError
        With the file, the line and the hint of each problem.
    ModelError, DeviceError, PluginError, RuntimeMissingError, TrainingError
        If the network, the device, a step or the data cannot be used, or the loss is not finite.
    """
    found = onnxruntime
    if found is None and not os.environ.get("ORT_DYLIB_PATH"):
        found = _runtime.library()
    done = _pleura._train(
        recipe,
        out=out,
        device=device,
        threads=threads,
        onnxruntime=found,
        fold=fold,
        fresh=fresh,
        tensorboard=tensorboard,
        told=_Told(callbacks),
    )
    if done is None:
        return Trained(False, [], None, 0, None, None, None)
    return Trained(finished=True, **done)


class _Told:
    """Passes on what the engine tells."""

    def __init__(self, callbacks: Sequence[object]) -> None:
        for callback in callbacks:
            if not callable(callback) and not any(hasattr(callback, name) for name in ("epoch", "step", "note")):
                raise TypeError(
                    "callbacks: expected a function, or an object with a method `epoch`, `step` or `note`, found "
                    f"{callback!r}"
                )
        self.callbacks = list(callbacks)

    def __call__(self, kind: str, content: Any) -> bool:
        """False to stop."""
        goes_on, is_told = True, False
        for callback in self.callbacks:
            method = getattr(callback, kind, None)
            if method is None and kind == "epoch" and callable(callback):
                method = callback
            if method is not None:
                is_told = True
                goes_on &= method(content) is not False
        if kind == "note" and not is_told:
            _LOGGER.info(content)
        return goes_on

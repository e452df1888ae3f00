import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, Self, TypedDict

import numpy as np
from numpy.typing import NDArray

_Path = str | os.PathLike[str]

__version__: str

class PleuraError(Exception): ...

class Problem(TypedDict):
    file: Path
    line: int
    column: int
    field: str
    message: str
    hint: str | None
    severity: Literal["error", "warning"]

class ManifestError(PleuraError):
    problems: list[Problem]
    file: Path | None
    line: int | None
    hint: str | None

class RecipeError(PleuraError):
    problems: list[Problem]
    file: Path | None
    line: int | None
    hint: str | None

class TrainingError(PleuraError): ...
class TuneError(PleuraError): ...
class RuntimeMissingError(PleuraError): ...
class DeviceError(PleuraError): ...
class ModelError(PleuraError): ...
class PluginError(PleuraError): ...

class ImageError(PleuraError):
    image: Path

class SubmissionError(PleuraError): ...
class ForkError(PleuraError): ...

class Finding:
    @property
    def id(self) -> str: ...
    @property
    def path(self) -> Path | None: ...
    @property
    def decision(self) -> Literal["classifier-gate", "segmenter-gate", "postprocess"]: ...
    @property
    def score(self) -> float | None: ...
    @property
    def score_bounds(self) -> tuple[float, float] | None: ...
    @property
    def calibrated(self) -> float | None: ...
    @property
    def calibrated_bounds(self) -> tuple[float, float] | None: ...
    @property
    def outcome(self) -> Literal["positive", "negative", "refer"]: ...
    @property
    def reasons(self) -> list[str]: ...
    @property
    def steps(self) -> list[str]: ...
    @property
    def spacing(self) -> tuple[float, float] | None: ...
    @property
    def agreement(self) -> dict[str, float | None]: ...
    @property
    def classifiers(self) -> list[tuple[str, float]]: ...
    @property
    def mask(self) -> NDArray[np.bool_]: ...
    @property
    def probability(self) -> NDArray[np.float32] | None: ...
    @property
    def rle(self) -> str: ...
    @property
    def area(self) -> int: ...
    @property
    def areas(self) -> list[int]: ...
    @property
    def positive(self) -> bool: ...
    @property
    def crop(self) -> tuple[int, int, int, int] | None: ...
    def explain(self) -> dict[str, Any]: ...
    def to_json(self) -> str: ...

class Findings(Iterator[Finding]):
    def __iter__(self) -> Self: ...
    def __next__(self) -> Finding: ...
    def __length_hint__(self) -> int: ...

class Ensemble:
    def __init__(
        self,
        manifest: _Path,
        *,
        device: list[str] | None = None,
        threads: int = 0,
        batch: int = 0,
        memory: int | None = None,
        device_memory: int | None = None,
        verify_device: int | None = None,
        onnxruntime: _Path | None = None,
        exit: Literal["exact", "full"] | None = None,
        maps: bool = False,
        allow_outside: bool = False,
        plugin_folders: list[_Path] | None = None,
        cache: _Path | None = None,
        cache_form: Literal["exact", "steps16", "steps8"] = "exact",
        folds: dict[str, int] | None = None,
        size: tuple[int, int] | None = None,
        plugins: dict[str, Any] | None = None,
        _found: _Path | None = None,
        _program: _Path | None = None,
    ) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def path(self) -> Path: ...
    @property
    def device(self) -> str: ...
    @property
    def folds(self) -> dict[str, int] | None: ...
    @property
    def threads(self) -> int: ...
    def predict(
        self,
        image: object,
        *,
        id: str | None = None,
        range: tuple[float, float] | None = None,
        inverted: bool = False,
        spacing: tuple[float, float] | None = None,
    ) -> Finding: ...
    def _predict_files(self, paths: list[_Path], *, errors: str = "raise") -> Findings: ...
    def explain(
        self,
        image: object,
        *,
        id: str | None = None,
        range: tuple[float, float] | None = None,
        inverted: bool = False,
        spacing: tuple[float, float] | None = None,
    ) -> dict[str, Any]: ...

class Submission:
    def __init__(self, size: tuple[int, int] | None = None) -> None: ...
    @staticmethod
    def from_findings(findings: Iterable[Finding]) -> Submission: ...
    @staticmethod
    def read(path: _Path, size: tuple[int, int] = (1024, 1024)) -> Submission: ...
    def insert(self, id: str, mask: NDArray[np.bool_]) -> None: ...
    def write(self, path: _Path, sample: _Path | None = None) -> None: ...
    @property
    def ids(self) -> list[str]: ...
    def __len__(self) -> int: ...
    def __contains__(self, id: str) -> bool: ...
    def __getitem__(self, id: str) -> NDArray[np.bool_]: ...

class Score(TypedDict):
    images: int
    positives: int
    mean_dice: float
    mean_iou: float
    mean_dice_positives: float | None
    mean_iou_positives: float | None
    sensitivity: float | None
    specificity: float | None

def rle_encode(mask: NDArray[np.bool_]) -> str: ...
def rle_decode(text: str, shape: tuple[int, int]) -> NDArray[np.bool_]: ...
def score(submission: _Path, truth: _Path, size: tuple[int, int] = (1024, 1024), subset: bool = False) -> Score: ...
def _train(
    recipe: _Path,
    *,
    out: _Path | None,
    device: str,
    threads: int,
    onnxruntime: _Path | None,
    fold: int | None,
    fresh: bool,
    tensorboard: bool,
    told: Callable[[str, Any], bool],
) -> dict[str, Any] | None: ...
def _tune(
    ensemble: Ensemble,
    images: list[_Path],
    truth: _Path,
    *,
    grid: list[str],
    truth_size: tuple[int, int],
    folds: dict[str, int] | None,
    nested: int,
    metric: str,
    center: bool,
    weights: bool,
    calibrate: str | None,
    out: _Path | None,
    told: Callable[[Path, str | None], None],
) -> dict[str, Any]: ...
def _report(
    findings: _Path | None,
    lines: list[str],
    *,
    truth: _Path | None,
    truth_size: tuple[int, int],
    images: list[_Path],
    title: str,
    salt: bytes | None,
    cases: int,
    pictures: int,
    maps: _Path | None,
    made: str | None,
) -> tuple[str, list[str]]: ...
def _find(inputs: list[_Path]) -> list[Path]: ...
def _read(path: _Path, window: bool) -> dict[str, Any]: ...
def _tags(path: _Path) -> dict[str, Any]: ...
def _folds(
    truth: _Path,
    count: int,
    seed: int,
    patients: list[tuple[str, str]] | None,
    truth_size: tuple[int, int],
) -> list[tuple[str, int]]: ...

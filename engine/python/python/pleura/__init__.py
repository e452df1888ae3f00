"""A two-stage ensemble engine for radiographs: classify, then segment.

    ensemble = pleura.Ensemble("ensemble.toml")
    finding = ensemble.predict("chest.dcm")
    finding.mask, finding.score, finding.area

The command `pleura` is installed with this package.
"""

from pleura import data
from pleura._ensemble import Ensemble, _opened
from pleura._pleura import (
    DeviceError,
    Finding,
    ForkError,
    ImageError,
    ManifestError,
    ModelError,
    PleuraError,
    PluginError,
    RecipeError,
    RuntimeMissingError,
    Submission,
    SubmissionError,
    TrainingError,
    TuneError,
    __version__,
    rle_decode,
    rle_encode,
    score,
)
from pleura._program import include
from pleura._reporting import report
from pleura._training import Epoch, Trained, train
from pleura._tuning import Tuned, tune

__all__ = [
    "DeviceError",
    "Ensemble",
    "Epoch",
    "Finding",
    "ForkError",
    "ImageError",
    "ManifestError",
    "ModelError",
    "PleuraError",
    "PluginError",
    "RecipeError",
    "RuntimeMissingError",
    "Submission",
    "SubmissionError",
    "Trained",
    "TrainingError",
    "TuneError",
    "Tuned",
    "__version__",
    "data",
    "include",
    "report",
    "rle_decode",
    "rle_encode",
    "score",
    "train",
    "tune",
]

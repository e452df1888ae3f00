"""A two-stage ensemble engine for radiographs: classify, then segment.

    ensemble = pleura.Ensemble("ensemble.toml")
    finding = ensemble.predict("chest.dcm")
    finding.mask, finding.score, finding.area

The command `pleura` is installed with this package.
"""

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
    RuntimeMissingError,
    Submission,
    SubmissionError,
    __version__,
    rle_decode,
    rle_encode,
    score,
)
from pleura._program import include

__all__ = [
    "DeviceError",
    "Ensemble",
    "Finding",
    "ForkError",
    "ImageError",
    "ManifestError",
    "ModelError",
    "PleuraError",
    "PluginError",
    "RuntimeMissingError",
    "Submission",
    "SubmissionError",
    "__version__",
    "include",
    "rle_decode",
    "rle_encode",
    "score",
]

"""What the workers of `ray_predict.py` and `spark_predict.py` do: images in, rows out."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pleura
import pyarrow as pa

# `version` is the file's size in bytes and its modification time in ns: an image that changed is predicted again.
IMAGES = pa.schema([("file", pa.string()), ("version", pa.string())])

# A row is an image's finding, or its error. With an error, the columns from `id` to `rle` are null.
SCHEMA = pa.schema(
    [
        *IMAGES,
        ("id", pa.string()),
        ("score_low", pa.float32()),  # the score's bounds, in 0..1; null without classifiers
        ("score_high", pa.float32()),
        ("decision", pa.string()),
        ("area", pa.int64()),  # marked pixels
        ("height", pa.int32()),  # of the mask, in pixels
        ("width", pa.int32()),
        ("rle", pa.string()),  # the mask's run lengths; -1 if nothing is marked
        ("error", pa.string()),
    ]
)

# The ensembles of this process.
_OPEN: dict[tuple[str, str, int], pleura.Ensemble] = {}


class Refused(Exception):
    """A mistake of the user's, in words."""


def opened(manifest: str, device: str, threads: int, expected: dict[str, str]) -> pleura.Ensemble:
    """The ensemble, opened once in a process.

    Raises `Refused` if this node's files or engine are not the driver's, whose `identity` is `expected`.
    """
    key = (manifest, device, threads)
    if key not in _OPEN:
        found = difference(expected, identity(manifest, device))
        if found:
            raise Refused(f"node {os.uname().nodename}: `{manifest}` is not the driver's: {found}")
        _OPEN[key] = pleura.Ensemble(manifest, device=device, threads=threads)
    return _OPEN[key]


def predict(ensemble: pleura.Ensemble, images: pa.Table | pa.RecordBatch) -> pa.Table:
    """The rows (SCHEMA) of images (IMAGES), in their order."""
    listed = images.to_pylist()
    found = ensemble.predict_files([image["file"] for image in listed], errors="return")
    return pa.Table.from_pylist([_row(*pair) for pair in zip(listed, found, strict=True)], SCHEMA)


def _row(image: dict[str, str], found: pleura.Finding | pleura.PleuraError) -> dict[str, Any]:
    if isinstance(found, pleura.PleuraError):
        return {**image, "error": str(found)}
    low, high = found.score_bounds or (None, None)
    height, width = found.mask.shape
    columns = {"score_low": low, "score_high": high, "height": height, "width": width}
    return {**image, **columns, **{name: getattr(found, name) for name in ("id", "decision", "area", "rle")}}


def identity(manifest: str, device: str) -> dict[str, str]:
    """What rows depend on besides the image: the engine, the kind of device, and SHA-256 of the ensemble's files."""
    check = [sys.executable, "-m", "pleura", "check", "--resolved", manifest]
    resolved = subprocess.run(check, capture_output=True, text=True)
    if resolved.returncode != 0:
        raise Refused((resolved.stdout + resolved.stderr).strip().removeprefix("error: "))
    files = {text: Path(manifest).parent / text for text in _texts(tomllib.loads(resolved.stdout))}
    sums = {text: _sha256(file.open("rb")) for text, file in sorted(files.items()) if file.is_file()}
    settings = {"pleura": pleura.__version__, "device": device.split(":")[0]}
    return {**settings, "manifest": _sha256(io.BytesIO(resolved.stdout.encode())), **sums}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _sha256(content: io.BytesIO | io.BufferedReader) -> str:
    with content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def difference(expected: dict[str, str], found: dict[str, str]) -> str | None:
    """The first difference between two identities, in words."""
    for name in sorted(expected.keys() | found.keys()):
        left, right = expected.get(name, "nothing"), found.get(name, "nothing")
        if left != right:
            return f"`{name}`: expected {left}, found {right}"
    return None

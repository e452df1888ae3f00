"""Where ONNX Runtime is among Python's packages. Nothing is imported or downloaded."""

import importlib.util
from pathlib import Path


def library() -> Path | None:
    """The library of the package `onnxruntime` (`onnxruntime-gpu` has the same name), or None."""
    try:
        package = importlib.util.find_spec("onnxruntime")
    except (ImportError, ValueError):
        return None
    for folder in (package and package.submodule_search_locations) or []:
        names = ("libonnxruntime.so*", "libonnxruntime.*.dylib", "onnxruntime.dll")
        found = [path for name in names for path in sorted(Path(folder, "capi").glob(name))]
        if found:
            return found[0]
    return None

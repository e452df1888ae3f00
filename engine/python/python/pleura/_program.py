"""The program `pleura`, which the package holds as it is, and the header for plugins."""

import os
import sys
from pathlib import Path

from pleura import _runtime

_HERE = Path(__file__).parent


def path() -> Path | None:
    """The program, or None in a package that was built without it."""
    program = _HERE / "bin" / "pleura"
    return program if program.is_file() else None


def include() -> str:
    """The folder of `pleura.h`, for the compiler of a plugin: `-I`."""
    return str(_HERE / "include")


def main() -> None:
    """Becomes the program, with ONNX Runtime of the package `onnxruntime` if nothing else is named."""
    program = path()
    if program is None:
        sys.exit("this package was built without the program `pleura`: install a released wheel")
    environment = dict(os.environ)
    library = _runtime.library()
    if library is not None:
        environment.setdefault("ORT_DYLIB_PATH", str(library))
    os.execve(program, [str(program), *sys.argv[1:]], environment)

"""Checks that programs and libraries need nothing newer than manylinux_2_28: versions of symbols, and libraries.

    python engine/dist/check/symbols.py FILE...

A file is ELF, a wheel, or a folder of such files. Prints the newest version of each kind that each one asks for.
"""

import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

# PEP 600 and auditwheel's policy for manylinux_2_28; what is not named here must not be needed at all.
NEWEST = {"GLIBC": (2, 28), "GLIBCXX": (3, 4, 25), "CXXABI": (1, 3, 11), "GCC": (8, 0, 0)}
LIBRARIES = {
    *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "ld-linux-x86-64.so.2"),
    *("libgcc_s.so.1", "libstdc++.so.6"),
}


def files(path: Path) -> Iterator[tuple[str, Path]]:
    """The ELF files at a path with the names to print."""
    if path.suffix == ".whl":
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as wheel:
            wheel.extractall(folder)
            for name, file in files(Path(folder)):
                yield f"{path.name}: {Path(name).relative_to(folder)}", file
    elif path.is_dir():
        for inner in sorted(path.rglob("*")):
            if inner.is_file() and not inner.is_symlink():
                yield from files(inner)
    else:
        with path.open("rb") as file:
            if file.read(4) == b"\x7fELF":
                yield str(path), path


def needs(path: Path) -> tuple[dict[str, tuple[int, ...]], set[str]]:
    """The newest version of each kind of symbol that a file asks for, and the libraries that it asks for."""
    newest: dict[str, tuple[int, ...]] = {}
    libraries: set[str] = set()
    with path.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            if isinstance(section, GNUVerNeedSection):
                for _, versions in section.iter_versions():
                    for version in versions:
                        kind, _, number = version.name.partition("_")
                        if not re.fullmatch(r"\d+(\.\d+)*", number):
                            newest[version.name] = ()
                            continue
                        asked = tuple(int(part) for part in number.split("."))
                        newest[kind] = max(newest.get(kind, ()), asked)
            elif isinstance(section, DynamicSection):
                libraries |= {tag.needed for tag in section.iter_tags("DT_NEEDED")}
    return newest, libraries


def problems(newest: dict[str, tuple[int, ...]], libraries: set[str]) -> list[str]:
    """What a file must not need."""
    shown = {kind: ".".join(map(str, version)) for kind, version in NEWEST.items()}
    found = [
        f"expected {kind} {shown.get(kind, 'not at all')} at most, found {'.'.join(map(str, version))}"
        for kind, version in newest.items()
        if kind not in NEWEST or version > NEWEST[kind]
    ]
    return found + [f"needs the library {library}" for library in sorted(libraries - LIBRARIES)]


def main(paths: list[str]) -> int:
    count = bad = 0
    for name, file in (pair for path in paths for pair in files(Path(path))):
        newest, libraries = needs(file)
        versions = ", ".join(f"{kind} {'.'.join(map(str, version))}" for kind, version in sorted(newest.items()))
        print(f"{name}: {versions}")
        count += 1
        for problem in problems(newest, libraries):
            print(f"{name}: {problem}", file=sys.stderr)
            bad += 1
    if not count:
        print(f"expected ELF files, found none in {', '.join(paths)}", file=sys.stderr)
    return 0 if count and not bad else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Compressed images of kinds that no Rust crate encodes: tests/golden/dicom/*.jpg, *.j2c, for tests/dicom/streams.rs.

    python3 tests/reference/streams.py tests/golden/dicom

Each has 20 rows of 24 pixels of 12 bits, `(97 row + 331 column + row column) mod 5120`, at most 4095, so that lossy
values exceed 12 bits.
Packages: tests/reference/requirements.txt.
"""

import pathlib
import sys

import imagecodecs
import numpy


def main(out: pathlib.Path) -> None:
    rows, columns = numpy.mgrid[0:20, 0:24]
    image = numpy.minimum((97 * rows + 331 * columns + rows * columns) % 5120, 4095).astype(numpy.uint16)
    streams = {
        "extended-12.jpg": imagecodecs.jpeg8_encode(image, level=95, bitspersample=12),
        "htj2k-lossless.j2c": imagecodecs.htj2k_encode(image, reversible=True),
        "htj2k-lossy.j2c": imagecodecs.htj2k_encode(image, level=0.0005, reversible=False),
        "j2k-lossless.j2c": imagecodecs.jpeg2k_encode(image, reversible=True, codecformat="j2k", bitspersample=12),
        "j2k-lossless.jp2": imagecodecs.jpeg2k_encode(image, reversible=True, codecformat="jp2", bitspersample=12),
    }
    for name, stream in streams.items():
        (out / name).write_bytes(stream)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

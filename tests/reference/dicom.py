"""pydicom's results for DICOM files: the reference for tests/dicom/.

    python3 tests/reference/dicom.py OUT FILE...

For each FILE that pydicom can decode, OUT/STEM.i32 is written: height, width and then the modality values (after
modality LUT or rescale, before any window), row by row, as 32-bit integers, little endian. For each that it cannot,
OUT/STEM.error holds the reason. OUT/golden.json has for each file its size, the SHA-256 of its values and the means of
8 by 8 blocks, or null; it is kept in tests/golden/dicom/ for machines without these packages.
Packages: tests/reference/requirements.txt.
"""

import hashlib
import json
import pathlib
import sys
import warnings

import numpy
import pydicom
from pydicom.pixels import apply_color_lut, apply_modality_lut


def luma(colors: numpy.ndarray) -> numpy.ndarray:
    return colors @ numpy.array([0.299, 0.587, 0.114])


def modality_values(path: pathlib.Path) -> numpy.ndarray:
    dataset = pydicom.dcmread(path, force=True)
    if not hasattr(dataset.file_meta, "TransferSyntaxUID"):
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    if "PixelData" not in dataset:
        raise ValueError("no pixel data")
    pixels = dataset.pixel_array
    if pixels.ndim != 2:
        raise ValueError(f"shape {pixels.shape}")
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        values = luma(apply_color_lut(pixels, dataset))
    else:
        values = apply_modality_lut(pixels, dataset)
    return numpy.rint(values).astype("<i4")


def golden(values: numpy.ndarray) -> dict:
    rows = numpy.array_split(values, 8)
    means = [[round(float(block.mean()), 2) for block in numpy.array_split(row, 8, axis=1)] for row in rows]
    return {"size": values.shape, "sha256": hashlib.sha256(values.tobytes()).hexdigest(), "means": means}


def main(out: pathlib.Path, files: list[pathlib.Path]) -> None:
    summary = {}
    for file in files:
        summary[file.stem] = None
        try:
            values = modality_values(file)
        except Exception as error:  # any exception of pydicom and its plugins
            (out / f"{file.stem}.error").write_text(f"{type(error).__name__}: {error}\n")
            continue
        summary[file.stem] = golden(values)
        size = numpy.array(values.shape, "<i4")
        (out / f"{file.stem}.i32").write_bytes(size.tobytes() + values.tobytes())
    lines = [f"{json.dumps(stem)}: {json.dumps(summary[stem])}" for stem in sorted(summary)]
    (out / "golden.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(pathlib.Path(sys.argv[1]), [pathlib.Path(file) for file in sys.argv[2:]])

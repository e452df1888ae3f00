"""What `ray_predict.py` and `spark_predict.py` share: the list of images, their rows in Parquet, and the submission.

    python rows.py ROWS --out submission.csv [--sample sample.csv] [--leave-out-errors]

ROWS is the folder that one of them wrote. It holds Parquet files of SCHEMA, `_images.parquet` (the images of the last
run) and `_ensemble.json` (what the rows depend on).
"""

from __future__ import annotations

import argparse
import csv
import glob
import hashlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import pleura

# `version` is the file's size in bytes and its modification time in ns, so that a file that changed is predicted again.
IMAGES = pa.schema([pa.field("file", pa.string(), nullable=False), pa.field("version", pa.string(), nullable=False)])

# A row is an image's finding, or its error: the columns between `version` and `error` are then null.
SCHEMA = pa.schema(
    [
        *IMAGES,
        pa.field("id", pa.string()),
        pa.field("score_low", pa.float32()),  # the score's bounds, in 0..1; null without classifiers
        pa.field("score_high", pa.float32()),
        pa.field("decision", pa.string()),
        pa.field("area", pa.int64()),  # marked pixels
        pa.field("height", pa.int32()),  # of the mask, in pixels
        pa.field("width", pa.int32()),
        pa.field("rle", pa.string()),  # the mask's run lengths; -1 if nothing is marked
        pa.field("error", pa.string()),
    ]
)

# Ensembles of this process, opened once.
_OPEN: dict[tuple[str, str, int], pleura.Ensemble] = {}


# ---- On the workers ------------------------------------------------------------------------------------------------


def opened(manifest: str, device: str, threads: int, expected: dict[str, str]) -> pleura.Ensemble:
    """The ensemble, opened once a process; its files and the engine must be the `expected` ones on every node."""
    key = (manifest, device, threads)
    if key not in _OPEN:
        _require_same(expected, identity(manifest, device), f"`{manifest}` on node {os.uname().nodename}")
        _OPEN[key] = pleura.Ensemble(manifest, device=device, threads=threads)
    return _OPEN[key]


def predict(ensemble: pleura.Ensemble, images: pa.Table | pa.RecordBatch) -> pa.Table:
    """The rows (SCHEMA) of images (IMAGES), in their order."""
    images = images.to_pylist()
    found = ensemble.predict_files([image["file"] for image in images], errors="return")
    return pa.Table.from_pylist([_row(*pair) for pair in zip(images, found, strict=True)], SCHEMA)


def _row(image: dict[str, str], found: pleura.Finding | pleura.PleuraError) -> dict[str, Any]:
    if isinstance(found, pleura.PleuraError):
        return {**image, "error": str(found)}
    low, high = found.score_bounds or (None, None)
    height, width = found.mask.shape
    columns = {"score_low": low, "score_high": high, "height": height, "width": width}
    return {**image, **columns, **{name: getattr(found, name) for name in ("id", "decision", "area", "rle")}}


# ---- On the driver -------------------------------------------------------------------------------------------------


def arguments(about: str) -> argparse.ArgumentParser:
    """The arguments of both scripts."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("manifest", type=Path, help="the ensemble, at the same path on every node")
    parser.add_argument("inputs", nargs="+", help="files, folders, globs, or lists (.csv, .parquet) with a path column")
    parser.add_argument("--out", type=Path, required=True, metavar="ROWS", help="folder of the Parquet files")
    parser.add_argument("--column", default="file", help="the path column of a list (default: file)")
    parser.add_argument("--threads", type=int, default=1, help="threads, and cores, of each ensemble (default: 1)")
    parser.add_argument("--batch", type=int, default=64, help="images a task, and a Parquet file (default: 64)")
    return parser


def begin(out: Path, manifest: str, device: str, inputs: list[str], column: str) -> tuple[dict[str, str], pa.Table]:
    """Prepares the folder; returns the ensemble's identity and the images (IMAGES) that have no row or an error."""
    current = identity(manifest, device)
    images = find(inputs, column)
    out.mkdir(parents=True, exist_ok=True)
    record = out / "_ensemble.json"
    if record.exists():
        _require_same(json.loads(record.read_text()), current, f"the rows in `{out}`: take another --out, or")
    record.write_text(json.dumps(current, indent=1))
    pq.write_table(images, out / "_images.part")
    os.replace(out / "_images.part", out / "_images.parquet")
    for file in sorted(out.glob("[!_.]*.parquet")):
        if not _is_whole(file):
            print(f"removed `{file}`: an interrupted run did not finish it", file=sys.stderr)
            file.unlink()
    done = {key for key, row in read(out).items() if row["error"] is None}
    todo = [image for image in images.to_pylist() if tuple(image.values()) not in done]
    print(f"{len(todo)} of {len(images)} images to predict", file=sys.stderr)
    return current, pa.Table.from_pylist(todo, IMAGES)


def end(out: Path) -> int:
    """Reports what the folder holds; returns the exit code: 1 if images have errors, 2 if some have no row."""
    images, rows = _images(out), read(out)
    errors = [rows[image]["error"] for image in images if image in rows and rows[image]["error"]]
    missing = [file for file, version in images if (file, version) not in rows]
    for error in errors[:10]:
        print(f"error: {error}", file=sys.stderr)
    print(f"{len(images)} images, {len(errors)} with errors, {len(missing)} without a row", file=sys.stderr)
    return 2 if missing else 1 if errors else 0


def identity(manifest: str, device: str) -> dict[str, str]:
    """What rows depend on besides the image: the engine, the kind of device, and SHA-256 of the ensemble's files."""
    check = [sys.executable, "-m", "pleura", "check", "--resolved", manifest]
    resolved = subprocess.run(check, capture_output=True, text=True)
    if resolved.returncode != 0:
        raise SystemExit(resolved.stderr.strip())
    files = {text: Path(manifest).parent / text for text in _texts(tomllib.loads(resolved.stdout))}
    sums = {text: _sha256(file.read_bytes()) for text, file in sorted(files.items()) if file.is_file()}
    manifest_sum = _sha256(resolved.stdout.encode())
    return {"pleura": pleura.__version__, "device": device.split(":")[0], "manifest": manifest_sum, **sums}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _require_same(expected: dict[str, str], found: dict[str, str], where: str) -> None:
    for name in sorted(expected.keys() | found.keys()):
        left, right = expected.get(name, "nothing"), found.get(name, "nothing")
        if left != right:
            raise SystemExit(f"{where} restore `{name}`: expected {left}, found {right}")


# ---- Images --------------------------------------------------------------------------------------------------------


def find(inputs: list[str], column: str) -> pa.Table:
    """The images (IMAGES) that inputs name, in their order, each file once, by absolute path."""
    files = dict.fromkeys(os.path.abspath(file) for text in inputs for file in _files(text, column))
    return pa.Table.from_pylist([{"file": file, "version": _version(file)} for file in files], IMAGES)


def _files(text: str, column: str) -> list[str]:
    path = Path(text)
    if path.is_dir():
        found = list(_walk(path))
    elif path.suffix == ".parquet":
        found = pq.read_table(path, columns=[column])[column].to_pylist()
    elif path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8-sig") as lines:
            table = csv.DictReader(lines)
            if column not in (table.fieldnames or []):
                raise SystemExit(f"`{text}`: expected a column `{column}` (see --column), found {table.fieldnames}")
            found = [row[column] for row in table]
    elif path.exists():
        found = [text]
    else:
        found = sorted(glob.glob(text, recursive=True))
    if not found:
        raise SystemExit(f"`{text}`: expected a file, a folder of images, a glob or a list, found no image")
    return found


def _walk(folder: Path) -> Iterator[str]:
    """A folder's images, sorted: files called .dcm, .dicom, .png, .jpg or .jpeg, and others with DICOM's magic."""
    seen = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        # a link to a folder that is being walked
        folders[:] = sorted(it for it in folders if it[0] != "." and os.path.realpath(os.path.join(place, it)) not in seen)
        seen.update(os.path.realpath(os.path.join(place, it)) for it in folders)
        yield from (os.path.join(place, file) for file in sorted(files) if _is_image(Path(place, file)))


def _is_image(file: Path) -> bool:
    if file.name[0] == ".":
        return False
    if file.suffix.lower() in {".dcm", ".dicom", ".png", ".jpg", ".jpeg"}:
        return True
    with file.open("rb") as content:
        return content.read(132)[128:] == b"DICM"


def _version(file: str) -> str:
    try:
        found = os.stat(file)
    except OSError:
        return "missing"  # a row with an error
    return f"{found.st_size} {found.st_mtime_ns}"


# ---- Rows ----------------------------------------------------------------------------------------------------------


def read(out: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The row of each image, by file and version: a finding rather than an earlier run's error."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for file in sorted(out.glob("[!_.]*.parquet")):
        for row in pq.read_table(file, schema=SCHEMA).to_pylist():
            known = rows.setdefault((row["file"], row["version"]), row)
            if known["error"] is not None:
                rows[row["file"], row["version"]] = row
    return rows


def _images(out: Path) -> list[tuple[str, str]]:
    return [tuple(image.values()) for image in pq.read_table(out / "_images.parquet").to_pylist()]


def _is_whole(file: Path) -> bool:
    try:
        pq.read_metadata(file)
    except pa.ArrowInvalid:
        return False
    return True


# ---- The submission ------------------------------------------------------------------------------------------------


def submit(out: Path, csv_file: Path, sample: Path | None, leave_out_errors: bool) -> int:
    """Writes the last run's images as `pleura predict` does; returns the exit code: 1 if images were left out."""
    images, rows = _images(out), read(out)
    missing = [file for file, version in images if (file, version) not in rows]
    if missing:
        raise SystemExit(f"{len(missing)} of {len(images)} images have no row, such as `{missing[0]}`: run again")
    submission = pleura.Submission()
    files: dict[str, str] = {}
    faults = []
    for row in (rows[image] for image in images):
        fault = row["error"]
        if fault is None and row["id"] in files:
            fault = f"`{row['file']}`: its id `{row['id']}` is already that of `{files[row['id']]}`"
        if fault is not None:
            faults.append(fault)
            continue
        files[row["id"]] = row["file"]
        submission.insert(row["id"], pleura.rle_decode(row["rle"], (row["height"], row["width"])))
    if faults and not leave_out_errors:
        raise SystemExit(
            f"{len(faults)} of {len(images)} images have errors, the first: {faults[0]}; run again to retry them, or "
            "leave them out with --leave-out-errors"
        )
    if len(submission) == 0:
        raise SystemExit(f"all {len(images)} images have errors: `{csv_file}` is not written")
    submission.write(csv_file, sample=sample)
    print(f"{len(submission)} images in `{csv_file}`, {len(faults)} left out", file=sys.stderr)
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Writes a submission from rows in Parquet.")
    parser.add_argument("rows", type=Path, help="the folder of Parquet files")
    parser.add_argument("--out", type=Path, required=True, metavar="CSV", help="the submission to write")
    parser.add_argument("--sample", type=Path, metavar="CSV", help="rows are written in this sample's order")
    parser.add_argument("--leave-out-errors", action="store_true", help="write images without errors, exit with 1")
    options = parser.parse_args()
    return submit(options.rows, options.out, options.sample, options.leave_out_errors)


if __name__ == "__main__":
    sys.exit(main())

"""The folder of rows that `ray_predict.py` and `spark_predict.py` fill, and the submission made of it.

    python results.py ROWS --out submission.csv [--sample sample.csv] [--leave-out-errors]

ROWS holds Parquet files of `rows.SCHEMA`, `_images.parquet` (the images of the last run) and `_ensemble.json` (what the
rows depend on). The exit code is 0, or 1 if images have errors, or 2.
"""

from __future__ import annotations

import argparse
import csv
import glob
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pleura
import pyarrow as pa
import pyarrow.parquet as pq

from rows import IMAGES, SCHEMA, Refused, difference, identity

Image = tuple[str, str]  # file and version

# ---- A run ---------------------------------------------------------------------------------------------------------


def run(main: Callable[[], int]) -> None:
    """Runs a script, and exits with its code."""
    try:
        sys.exit(main())
    except (Refused, pleura.SubmissionError) as error:
        print(f"error: {error}", file=sys.stderr)
    except Exception:
        traceback.print_exc()
    sys.exit(2)


def arguments(about: str) -> argparse.ArgumentParser:
    """The arguments of both scripts."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("manifest", type=Path, help="the ensemble, at the same path on every node")
    parser.add_argument("inputs", nargs="+", help="images, folders, globs, and lists (.csv, .parquet) of paths")
    parser.add_argument("--out", type=Path, required=True, metavar="ROWS", help="folder of the Parquet files")
    parser.add_argument("--column", default="file", help="the path column of lists (default: file)")
    parser.add_argument("--threads", type=int, default=1, help="threads, and cores, of each ensemble (default: 1)")
    parser.add_argument("--batch", type=int, default=64, help="images in a task and its file (default: 64)")
    return parser


def begin(out: Path, manifest: str, device: str, inputs: list[str], column: str) -> tuple[dict[str, str], pa.Table]:
    """Prepares the folder; returns the ensemble's identity, and the images (IMAGES) without a finding."""
    current, images = identity(manifest, device), find(inputs, column)
    out.mkdir(parents=True, exist_ok=True)
    record = out / "_ensemble.json"
    changed = difference(json.loads(record.read_text()), current) if record.exists() else None
    if changed:
        raise Refused(f"`{out}` has rows of another ensemble: {changed}; restore it, or choose another --out")
    _replace(record, lambda file: file.write_text(json.dumps(current, indent=1)))
    _replace(out / "_images.parquet", lambda file: pq.write_table(images, file))
    for file in _parquets(out):
        if not _is_whole(file):
            print(f"removed `{file}`, which an interrupted run had begun", file=sys.stderr)
            file.unlink()
    done = {key for key, row in read(out, ["error"]).items() if row["error"] is None}
    todo = [image for image in images.to_pylist() if tuple(image.values()) not in done]
    print(f"{len(todo)} of {len(images)} images to predict", file=sys.stderr)
    return current, pa.Table.from_pylist(todo, IMAGES)


def end(out: Path) -> int:
    """Says how many images have a finding; returns the exit code."""
    images, rows = _listed(out), read(out, ["error"])
    missing = [image for image in images if image not in rows]
    errors = [rows[image]["error"] for image in images if image in rows and rows[image]["error"] is not None]
    for error in errors[:10]:
        print(f"error: {error}", file=sys.stderr)
    print(f"{len(images)} images, {len(errors)} with errors, {len(missing)} without a row", file=sys.stderr)
    return 2 if missing else 1 if errors else 0


def _replace(file: Path, write: Callable[[Path], object]) -> None:
    part = file.with_suffix(".part")
    write(part)
    os.replace(part, file)


# ---- Images --------------------------------------------------------------------------------------------------------


def find(inputs: list[str], column: str) -> pa.Table:
    """The images (IMAGES) that inputs name, by absolute path: in the order of the inputs, each file once."""
    files: dict[str, str] = {}
    for file in (file for text in inputs for file in _files(text, column)):
        files.setdefault(os.path.realpath(file), os.path.abspath(file))
    return pa.Table.from_pylist([{"file": file, "version": _version(file)} for file in files.values()], IMAGES)


def _files(text: str, column: str) -> list[str]:
    path = Path(text)
    if path.suffix == ".parquet":
        found = pq.read_table(path, columns=[column])[column].to_pylist()
    elif path.suffix == ".csv":
        found = _csv_column(path, column)
    elif path.is_dir():
        found = list(_walk(path))
    else:
        found = [text] if path.exists() else sorted(glob.glob(text, recursive=True))
    if not found:
        raise Refused(f"`{text}`: expected an image, or a folder, glob or list of images, found none")
    for number, file in enumerate(found, 1):
        if not file:
            raise Refused(f"`{text}`, row {number}: expected a path in `{column}`, found none")
    return found


def _csv_column(path: Path, column: str) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as lines:
        table = csv.DictReader(lines)
        if column not in (table.fieldnames or []):
            raise Refused(f"`{path}`: expected a column `{column}`, found {table.fieldnames}: name it with --column")
        return [row[column] for row in table]


def _walk(folder: Path) -> Iterator[str]:
    """A folder's images: files called .dcm, .dicom, .png, .jpg or .jpeg, and others with DICOM's magic."""
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        if os.path.realpath(place) in seen:  # a link back
            folders.clear()
            continue
        seen.add(os.path.realpath(place))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(place, name) for name in sorted(files) if _is_image(Path(place, name)))


def _is_image(file: Path) -> bool:
    if file.name.startswith("."):
        return False
    if file.suffix.lower() in {".dcm", ".dicom", ".png", ".jpg", ".jpeg"}:
        return True
    with file.open("rb") as content:
        return content.read(132)[128:] == b"DICM"


def _version(file: str) -> str:
    try:
        found = os.stat(file)
    except OSError:
        return "unreadable"  # predicting it makes a row with the error
    return f"{found.st_size} {found.st_mtime_ns}"


# ---- Rows ----------------------------------------------------------------------------------------------------------


def read(out: Path, columns: list[str]) -> dict[Image, dict[str, Any]]:
    """Columns of each image's row: of its finding, even if an earlier run had an error."""
    rows: dict[Image, dict[str, Any]] = {}
    for file in _parquets(out):
        for row in pq.read_table(file, schema=SCHEMA, columns=["file", "version", *columns]).to_pylist():
            image = (row.pop("file"), row.pop("version"))
            if row["error"] is None or image not in rows:
                rows[image] = row
    return rows


def _listed(out: Path) -> list[Image]:
    return [(image["file"], image["version"]) for image in pq.read_table(out / "_images.parquet").to_pylist()]


def _parquets(out: Path) -> list[Path]:
    return sorted(out.glob("[!_.]*.parquet"))


def _is_whole(file: Path) -> bool:
    try:
        pq.read_metadata(file)
    except pa.ArrowInvalid:
        return False
    return True


# ---- The submission ------------------------------------------------------------------------------------------------


def submit(out: Path, target: Path, sample: Path | None, leave_out_errors: bool) -> int:
    """Writes the submission of the last run's images, as `pleura predict` does; returns the exit code."""
    images, rows = _listed(out), read(out, ["id", "rle", "height", "width", "error"])
    missing = [file for file, version in images if (file, version) not in rows]
    if missing:
        raise Refused(f"{len(missing)} of {len(images)} images have no row, such as `{missing[0]}`: predict them first")
    submission, files, faults = pleura.Submission(), dict[str, str](), []
    for image in images:
        row, file = rows[image], image[0]
        if row["error"] is not None:
            faults.append(row["error"])
        elif row["id"] in files:
            faults.append(f"`{file}`: its id `{row['id']}` is already that of `{files[row['id']]}`")
        else:
            files[row["id"]] = file
            submission.insert(row["id"], pleura.rle_decode(row["rle"], (row["height"], row["width"])))
    if not files or (faults and not leave_out_errors):
        remedy = "predict them again, or leave them out with --leave-out-errors"
        raise Refused(f"{len(faults)} of {len(images)} images have errors: {remedy}. The first: {faults[0]}")
    submission.write(target, sample=sample)
    print(f"{len(files)} images in `{target}`, {len(faults)} left out", file=sys.stderr)
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Writes a submission from rows in Parquet.")
    parser.add_argument("rows", type=Path, help="the folder of Parquet files")
    parser.add_argument("--out", type=Path, required=True, metavar="CSV", help="the submission to write")
    parser.add_argument("--sample", type=Path, metavar="CSV", help="rows are written in this sample's order")
    parser.add_argument("--leave-out-errors", action="store_true", help="leave out images with errors, and exit with 1")
    options = parser.parse_args()
    return submit(options.rows, options.out, options.sample, options.leave_out_errors)


if __name__ == "__main__":
    run(main)

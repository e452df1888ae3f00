"""The Python package against the program: the same files, in turns, whole processes; and what a single call costs.

    python bench.py MANIFEST IMAGES [--rounds 5] [--threads 2]

`python` is that of an environment with the wheel. Figures are medians; the ratio is above 1 where Python is faster.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import pleura

# What the program does: opens the ensemble, predicts the files, and writes the submission.
SCRIPT = """
import sys, pleura
manifest, threads, out, *files = sys.argv[1:]
ensemble = pleura.Ensemble(manifest, device="cpu", threads=int(threads))
pleura.Submission.from_findings(ensemble.predict_files(files)).write(out)
"""


def seconds(command: list[str]) -> float:
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return time.perf_counter() - begun


def files(manifest: Path, images: list[Path], rounds: int, threads: int) -> None:
    """Whole processes on the same files, in turns."""
    took: dict[str, list[float]] = {"program": [], "python": []}
    with tempfile.TemporaryDirectory() as folder:
        csv = {name: Path(folder, f"{name}.csv") for name in took}
        names = [str(image) for image in images]
        program = [sys.executable, "-m", "pleura", "predict", str(manifest), *names, "--device", "cpu", "--threads"]
        commands = {
            "program": [*program, str(threads), "--out", str(csv["program"])],
            "python": [sys.executable, "-c", SCRIPT, str(manifest), str(threads), str(csv["python"]), *names],
        }
        for name in commands:  # the first run reads the files from the disk
            seconds(commands[name])
        for round in range(rounds):
            for name in sorted(commands, reverse=bool(round % 2)):
                took[name].append(seconds(commands[name]))
        if csv["program"].read_bytes() != csv["python"].read_bytes():
            sys.exit("the submissions differ")
    ratios = [program / python for program, python in zip(took["program"], took["python"])]
    for name, values in took.items():
        print(f"{name:8} {statistics.median(values):8.3f} s, {len(images) / statistics.median(values):8.1f} images/s")
    print(f"ratio    {statistics.median(ratios):8.3f}   ({min(ratios):.3f} to {max(ratios):.3f})")


def call(manifest: Path, calls: int, threads: int) -> None:
    """One array in, one finding out: the time beyond the engine's own."""
    ensemble = pleura.Ensemble(manifest, device="cpu", threads=threads)
    random = np.random.default_rng(1)
    for kind, high in [(np.uint8, 255), (np.uint16, 4095), (np.float32, 1)]:
        array = (random.random((1024, 1024)) * high).astype(kind)
        beyond = []
        for _ in range(calls):
            begun = time.perf_counter()
            finding = ensemble.predict(array, range=(0, high))
            assert finding.mask is not None
            beyond.append(time.perf_counter() - begun - finding._engine_seconds)
        print(f"{np.dtype(kind).name:8} {1000 * statistics.median(beyond):8.3f} ms a call beyond the engine's own time")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    files(given.manifest, pleura.data.find(*given.images), given.rounds, given.threads)
    call(given.manifest, given.calls, given.threads)

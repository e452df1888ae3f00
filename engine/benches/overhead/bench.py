"""What the engine costs around its models: processor time an image, against a script in Python, in turns.

    python bench.py PROGRAM IMAGES [--count 120] [--rounds 5]
    python bench.py PROGRAM IMAGES --callgrind

`python` needs pydicom, OpenCV, NumPy, onnx and onnxruntime. Processor seconds (user and system) of whole processes on
all images less those on a few, so that starting is left out; one thread; medians. With `--callgrind`, the engine's
instructions an image instead, which are the same on a noisy machine.
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import ensemble

KINDS = ("lesions", "ragged")
FEW = 8


def run(command: list[str]) -> float:
    """Runs it, and returns its processor seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Bench:
    def __init__(self, program: str, folder: Path, images: list[Path]) -> None:
        self.program, self.folder, self.images = program, folder, images

    def engine(self, kind: str, images: list[Path]) -> list[str]:
        out = self.folder / f"engine-{kind}.csv"
        given = ["--device", "cpu", "--threads", "1", "--quiet", "--out", str(out)]
        return [self.program, "predict", str(self.folder / f"{kind}.toml"), *map(str, images), *given]

    def script(self, kind: str, images: list[Path]) -> list[str]:
        script = Path(__file__).with_name("script.py")
        out = self.folder / f"script-{kind}.csv"
        return [sys.executable, str(script), str(self.folder), kind, *map(str, images), str(out)]

    def seconds(self, command, kind: str) -> float:
        """Processor seconds an image."""
        few, all = run(command(kind, self.images[:FEW])), run(command(kind, self.images))
        return (all - few) / (len(self.images) - FEW)

    def differ(self, kind: str) -> tuple[int, int]:
        """Rows that differ between the two, and all: the image decoders and the last bits are not the same."""
        rows = [dict(line.split(",") for line in (self.folder / f"{side}-{kind}.csv").read_text().splitlines())
                for side in ("engine", "script")]
        return sum(rows[0][name] != rows[1][name] for name in rows[0]), len(rows[0]) - 1

    def times(self, rounds: int) -> None:
        print(f"{'':8} {'engine':>9} {'script':>9} {'ratio':>6}")
        for kind in KINDS:
            pairs = [(self.seconds(self.engine, kind), self.seconds(self.script, kind)) for _ in range(rounds)]
            engine, script = (1000 * statistics.median(side) for side in zip(*pairs))
            ratios = [engine / script for engine, script in pairs]
            print(f"{kind:8} {engine:6.2f} ms {script:6.2f} ms {statistics.median(ratios):6.3f}"
                  f"   ({min(ratios):.3f} to {max(ratios):.3f}; rows that differ: {'%d of %d' % self.differ(kind)})")

    def instructions(self, kind: str, images: list[Path]) -> int:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.folder / kind}.%p.callgrind"]
        done = subprocess.run([*command, *self.engine(kind, images)], capture_output=True, text=True)
        found = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode != 0 or not found:
            sys.exit(done.stderr)
        return int(found[1])

    def count(self) -> None:
        for kind in KINDS:
            few, all = self.instructions(kind, self.images[:4]), self.instructions(kind, self.images[:12])
            print(f"{kind:8} {(all - few) / 8e6:8.2f} million instructions an image")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("images", type=Path)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--callgrind", action="store_true")
    given = parser.parse_args()
    found = sorted(given.images.rglob("*.dcm"))[: given.count]
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        ensemble.write(Path(folder))
        bench = Bench(given.program, Path(folder), found)
        bench.count() if given.callgrind else bench.times(given.rounds)

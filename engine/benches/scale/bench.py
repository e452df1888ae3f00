#!/usr/bin/env python3
"""How the engine's cost grows, with networks that cost nothing.

    pip install -r engine/benches/overhead/requirements.txt
    python engine/benches/scale/bench.py target/release/pleura [--draw engine/docs/scale.svg] [--small]

Each row is one run of the program: processor seconds (user and system), seconds by the clock, and peak memory, as the
system counts them. `--small` stops a hundredth of the way.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import inputs
from draw import draw

STEPS = (
    ("min-area", "area = 3, at = [1024, 1024], per_component = true"),
    ("fill-holes", ""),
    ("component-mean", "above = 0.1"),
)


# A process counts the memory of the one that started it as its own, so a small one starts the program.
STARTER = """
import os, subprocess, sys, time
start = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
print(usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss / 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run(*command) -> list[float]:
    """Processor seconds, seconds, and peak memory in MiB of a command."""
    starter = [sys.executable, "-S", "-c", STARTER, *map(str, command)]
    done = subprocess.run(starter, capture_output=True, text=True)
    # 1: some masks differ, which `submission diff` is asked for here
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    return [float(number) for number in done.stdout.split()]


class Bench:
    def __init__(self, program: Path, folder: Path, most: int):
        self.program, self.folder, self.most = program, folder, most
        self.tables: dict[str, list] = {}

    def row(self, table: str, place: int, *command) -> None:
        cpu, took, memory = run(self.program, *command)
        self.tables.setdefault(table, []).append((place, cpu, took, memory))
        print(f"{table:28} {place:9d}  {cpu:8.2f} s  {took:8.2f} s by the clock  {memory:7.0f} MiB", flush=True)

    def predict(self, table: str, place: int, manifest: Path, images: Path, threads: int = 1) -> None:
        out = self.folder / "out.csv"
        self.row(table, place, "predict", manifest, images, "--out", out, "--device", "cpu", "--threads", threads)

    def up_to(self, *places: int) -> list[int]:
        return [place for place in places if place <= max(self.most * places[-1] // 100, places[0])]

    def all(self) -> None:
        one = inputs.ensemble(self.folder / "one", 1, 64, 128)
        for count in self.up_to(100, 1000, 10_000, 100_000):
            self.predict("images", count, one, inputs.images(self.folder / f"images{count}", count, 128))
        some = inputs.images(self.folder / "some", 200, 128)
        for members in self.up_to(1, 3, 10, 30, 60):
            self.predict("members", members, inputs.ensemble(self.folder / f"of{members}", members, 64, 128), some)
        many = inputs.images(self.folder / "many", 5000, 128)
        for threads in range(1, len(os.sched_getaffinity(0)) + 1):
            self.predict("threads", threads, one, many, threads)
        usual = inputs.ensemble(self.folder / "usual", 1, 512, 1024)
        for side in self.up_to(256, 512, 1024, 2048, 4096, 8192):
            self.predict("side of eight images", side, usual, inputs.images(self.folder / f"side{side}", 8, side))
        large = inputs.ensemble(self.folder / "large", 1, 1024, 1024, STEPS)
        for components in self.up_to(1, 10, 100, 1000, 10_000, 100_000):
            self.predict("components", components, large, inputs.dots(self.folder / f"dots{components}", components))
        for ids in self.up_to(10_000, 100_000, 1_000_000, 10_000_000):
            first, second = (inputs.submission(self.folder / f"ids{shift}.csv", ids, shift) for shift in (0, 1))
            self.row("score, ids", ids, "score", first, second)
            self.row("submission check, ids", ids, "submission", "check", first, "--sample", second)
            self.row("submission diff, ids", ids, "submission", "diff", first, second)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("--draw", type=Path, help="write the picture")
    parser.add_argument("--small", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args.program.resolve(), Path(folder), 1 if args.small else 100)
        bench.all()
    if args.draw:
        args.draw.write_text(draw(bench.tables))


if __name__ == "__main__":
    main()

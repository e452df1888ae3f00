"""A two-stage ensemble without the engine: a careful competitor's inference script for the same manifest.

    python3 engine/benches/peer/peer.py ENSEMBLE.toml submission.csv findings.jsonl FILE.dcm...

Files are decoded and resized ahead by a pool of threads while the networks run, batches go over images, masks are made
by the pool, and only as many images are held as fill the batches. `--gate stage` runs the segmenters on images that
pass the classifiers, once they fill a batch; `--gate none` runs every network on every image and combines at the end,
as most notebooks do. One line of JSON has the time and memory. It supports the manifests of the bench and the demo, and
refuses others. Packages: requirements.txt beside it.
"""

import argparse
import collections
import csv
import dataclasses
import itertools
import json
import os
import pathlib
import resource
import threading
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import cv2
import numpy as np

import images
from members import Member, known


@dataclasses.dataclass
class Image:
    """An image in progress: planes by (size, resize), each prepared once for all members."""

    id: str
    planes: dict[tuple, np.ndarray]
    white: int
    score: float = 1.0


class Clock:
    """Seconds by stage, summed over all threads."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = collections.defaultdict(float)
        self.lock = threading.Lock()

    def time(self, stage: str, work: Callable, *values):
        start = time.perf_counter()
        try:
            return work(*values)
        finally:
            with self.lock:
                self.seconds[stage] += time.perf_counter() - start


class Ensemble:
    """A manifest's two stages."""

    def __init__(self, path: pathlib.Path, batch: int, threads: int) -> None:
        manifest = tomllib.loads(path.read_text())
        # every image is taken for one that the ensemble accepts
        known(manifest, "schema name description output accepts finding calibration agreement refer exit classifier segmenter postprocess", str(path))
        known(manifest["classifier"], "merge gate members", "classifier")
        known(manifest["segmenter"], "merge members", "segmenter")
        stages = [manifest["classifier"], manifest["segmenter"]]
        if any(stage.get("merge", {"kind": "mean"})["kind"] != "mean" for stage in stages):
            raise SystemExit(f"{path}: the peer merges by the mean")
        self.gate = manifest["classifier"]["gate"]
        known(self.gate, "kind above", "classifier.gate")
        self.classifiers, self.segmenters = (
            [Member(member, path.parent, batch, threads) for member in stage["members"]] for stage in stages
        )
        self.recipes = {member.recipe for member in self.classifiers + self.segmenters}
        self.output = tuple(manifest["output"]["size"])
        self.steps = manifest["postprocess"]

    def prepare(self, path: pathlib.Path) -> Image:
        id, values, white = images.read(path)
        return Image(id, {recipe: images.shrink(values, *recipe) for recipe in self.recipes}, white)

    def classify(self, some: list[Image]) -> None:
        """Writes each image's score: the members' weighted mean."""
        weight = sum(member.weight for member in self.classifiers)
        scores = sum(np.float32(member.weight) * self.ask(member, some) for member in self.classifiers) / np.float32(weight)
        for image, score in zip(some, scores):
            image.score = float(score)

    def passes(self, image: Image) -> bool:
        return image.score > np.float32(self.gate["above"])

    def segment(self, some: list[Image]) -> list[list[np.ndarray]]:
        """Each image's maps, which add up to the merged one: those of one size are summed before they are enlarged."""
        weight = sum(member.weight for member in self.segmenters)
        sums: dict[tuple, np.ndarray] = {}
        for member in self.segmenters:
            maps = self.ask(member, some)
            maps *= np.float32(member.weight / weight)
            sums[member.size] = sums[member.size] + maps if member.size in sums else maps
        return [list(maps) for maps in zip(*sums.values())]

    def ask(self, member: Member, some: list[Image]) -> np.ndarray:
        return member.answers([image.planes[member.recipe] for image in some], [image.white for image in some])

    def finish(self, maps: list[np.ndarray]) -> str:
        """Converts maps to run lengths."""
        merged = images.enlarge(maps[0], self.output)
        for more in maps[1:]:
            merged = cv2.add(merged, images.enlarge(more, self.output))
        return images.encode(images.postprocess(merged, self.steps))


def ahead(pool: ThreadPoolExecutor, work: Callable, items: Iterable, depth: int) -> Iterator:
    """The results of `work` on the items, in order; at most `depth` are in progress or waiting."""
    items = iter(items)
    made = collections.deque(pool.submit(work, item) for item in itertools.islice(items, depth))
    while made:
        result = made.popleft().result()
        made.extend(pool.submit(work, item) for item in itertools.islice(items, 1))
        yield result


def chunks(items: Iterable, length: int) -> Iterator[list]:
    items = iter(items)
    while some := list(itertools.islice(items, length)):
        yield some


def predict(ensemble: Ensemble, files: list[pathlib.Path], args: argparse.Namespace, clock: Clock) -> Iterator[tuple]:
    """Each image, and its run lengths."""
    making: collections.deque[tuple[Image, Future]] = collections.deque()
    with ThreadPoolExecutor(args.threads) as pool:

        def segment(some: list[Image]) -> None:
            for image, maps in zip(some, clock.time("segment", ensemble.segment, some)):
                if ensemble.passes(image):
                    making.append((image, pool.submit(clock.time, "finish", ensemble.finish, maps)))

        waiting: list[Image] = []
        prepared = ahead(pool, lambda file: clock.time("prepare", ensemble.prepare, file), files, 4 * args.batch)
        for some in chunks(prepared, 2 * args.batch):
            clock.time("classify", ensemble.classify, some)
            for image in some:
                if args.gate == "none" or ensemble.passes(image):
                    waiting.append(image)
                if not ensemble.passes(image):
                    yield image, "-1"
            while len(waiting) >= args.batch:
                segment(waiting[: args.batch])
                del waiting[: args.batch]
            while len(making) > args.batch:
                image, mask = making.popleft()
                yield image, mask.result()
        if waiting:
            segment(waiting)
        yield from ((image, mask.result()) for image, mask in making)


def peak_bytes() -> int:
    """This process's peak memory: `getrusage` also counts the memory of the parent process before the start."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("ensemble", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path, help="the submission")
    parser.add_argument("findings", type=pathlib.Path, help="a line of JSON an image: id and score")
    parser.add_argument("files", type=pathlib.Path, nargs="+")
    parser.add_argument("--gate", choices=["none", "stage"], default="stage")
    parser.add_argument("--batch", type=int, default=2, help="the most views that a network is given at once")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser.parse_args()


def main() -> None:
    args, clock = arguments(), Clock()
    cv2.setNumThreads(1)  # the pool already has a thread per core
    np.seterr(over="ignore")  # the exponential of a large logit
    ensemble = clock.time("open", Ensemble, args.ensemble, args.batch, args.threads)
    start = time.perf_counter()
    found = sorted(((image.id, image.score, mask) for image, mask in predict(ensemble, args.files, args, clock)))
    with args.out.open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows([("ImageId", "EncodedPixels"), *((id, mask) for id, _, mask in found)])
    args.findings.write_text("".join(json.dumps({"id": id, "score": score}) + "\n" for id, score, _ in found))
    seconds = time.perf_counter() - start
    print(json.dumps({"images": len(found), "seconds": seconds, "stages": clock.seconds, "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main()

"""Networks' outputs: drawings of a few rectangles, and their arrays.

An answer is a dictionary, as in `tests/golden/winners.json`: `members` and `snapshots` select the networks (all if left
out), `ground` and `rectangles` define the map (the network's raw output), `score` the score's raw value. Later answers
replace earlier ones. With `mirrored` it is the output for the mirror image only; otherwise the output for that is the
mirrored map.
"""

import dataclasses
import functools

import cv2
import numpy as np

F = np.float32


@dataclasses.dataclass(frozen=True)
class Network:
    """One network of an ensemble: a name, (height, width) of its map, the weight of each of its sets of weights, and of
    each of its views whether it is mirrored. Its answers may be drawn in another frame than the ensemble's."""

    name: str
    size: tuple = (1024, 1024)
    weights: tuple = (1.0,)
    views: tuple = (False, True)
    frame: tuple | None = None


def answer(ground=None, *rectangles, **more):
    """An answer; a rectangle is (top, bottom, left, right, value), all but the value in pixels of the frame."""
    said = dict(more)
    if ground is not None:
        said["ground"] = shortest(ground)
    if rectangles:
        said["rectangles"] = [[*edges, shortest(value)] for *edges, value in rectangles]
    if "score" in said:
        said["score"] = shortest(said["score"])
    return said


def shortest(value):
    """The shortest decimal that is this number in single precision."""
    return float(str(F(value)))


class Answers:
    """The answers of all networks to one image; drawn in a frame of (height, width)."""

    def __init__(self, said, frame):
        self.said, self.frame = said, tuple(frame)

    def raw(self, network, snapshot=0, mirrored=False, size=None):
        """The network's raw map, float32, of the network's size or of a view's own."""
        drawing, mirror = (0.0, ()), False
        for said in self._of(network, snapshot):
            if "ground" in said and (mirrored or not said.get("mirrored")):
                drawing = (said["ground"], tuple(map(tuple, said.get("rectangles", ()))))
                mirror = mirrored and not said.get("mirrored")
        return draw(*drawing, network.frame or self.frame, size or network.size, mirror)

    @staticmethod
    def resized(image, size):
        """Resizes to (height, width) with OpenCV's INTER_LINEAR."""
        if image.shape == tuple(size):
            return image
        return cv2.resize(np.ascontiguousarray(image), size[::-1], interpolation=cv2.INTER_LINEAR)

    def score(self, network, snapshot=0, mirrored=False):
        """The network's raw score."""
        value = 0.0
        for said in self._of(network, snapshot):
            if "score" in said and (mirrored or not said.get("mirrored")):
                value = said["score"]
        return F(value)

    def _of(self, network, snapshot):
        for said in self.said:
            members, snapshots = said.get("members", [network.name]), said.get("snapshots", [snapshot])
            if network.name in members and snapshot in snapshots:
                yield said


class Probe:
    """Answers with a range of candidate values for maps and scores, to find the one that gives a certain result.

    Those that `fine` says (`members`, `snapshots`, `mirrored`, as of an answer) give the candidates, networks in
    `fixed` a number of their own, all others `others`."""

    def __init__(self, candidates, fine, others, fixed):
        self.candidates, self.fine, self.others, self.fixed = candidates, fine, others, fixed

    def raw(self, network, snapshot=0, mirrored=False, size=None):
        row = self.score(network, snapshot, mirrored)
        return row[::-1][None] if mirrored else row[None]

    @staticmethod
    def resized(image, size):
        """A single value is the same at any size."""
        return image

    def score(self, network, snapshot=0, mirrored=False):
        members, snapshots = self.fine.get("members", [network.name]), self.fine.get("snapshots", [snapshot])
        if network.name in members and snapshot in snapshots and mirrored >= self.fine.get("mirrored", False):
            return self.candidates
        return np.full_like(self.candidates, self.fixed.get(network.name, self.others))


@functools.lru_cache(maxsize=64)
def draw(ground, rectangles, frame, size, mirror):
    """A drawing at a size: a pixel belongs to the rectangle of its centre."""
    height, width = size
    out = np.full(size, ground, F)
    for top, bottom, left, right, value in rectangles:
        top, bottom = (place(edge, frame[0], height) for edge in (top, bottom))
        left, right = (place(edge, frame[1], width) for edge in (left, right))
        if mirror:
            left, right = width - right, width - left
        out[top:bottom, left:right] = value
    return out


def place(edge, frame, side):
    """The first pixel whose centre lies at an edge of the frame or beyond: (pixel + 1/2) * frame / side >= edge."""
    return -((frame - 2 * edge * side) // (2 * frame))


def runs(mask):
    """A mask's runs, column by column: each start counted from the end of the previous run; `*n` is a run n times."""
    flat = np.concatenate([[0], mask.T.ravel().astype(np.int8), [0]])
    starts, ends = np.flatnonzero(np.diff(flat) == 1), np.flatnonzero(np.diff(flat) == -1)
    offsets = starts - np.concatenate([[0], ends[:-1]]) if len(starts) else starts
    said = []
    for offset, length in zip(offsets, ends - starts):
        run = f"{offset} {length}"
        if said and said[-1][0] == run:
            said[-1][1] += 1
        else:
            said.append([run, 1])
    return [run if times == 1 else f"{run}*{times}" for run, times in said]

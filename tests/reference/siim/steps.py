"""The steps of the winners' pipelines, each a few lines of NumPy, SciPy or OpenCV.

Single precision, summed in the order in which members, checkpoints and views are listed.
"""

import cv2
import numpy as np
from scipy import ndimage

from .answers import F, Probe, answer

CORNERS = np.ones((3, 3), int)
# Raw values that are surely negative, and surely positive.
LOW, HIGH = -8, 6


def sigmoid(logits):
    """Rounded to single precision after each operation."""
    e = np.exp(-np.asarray(logits, np.float64)).astype(F)
    return F(1) / (F(1) + e)


def logit(probability):
    return float(np.log(probability / (1 - probability)))


def flip(image):
    """Left and right exchanged."""
    return image[:, ::-1]


def mean(values, weights=None):
    """The weighted mean, summed one value after the other."""
    weights = [1.0] * len(values) if weights is None else weights
    total, weight = F(0), F(0)
    for value, share in zip(values, weights, strict=True):
        total, weight = total + F(share) * value, weight + F(share)
    return total / weight


def network_map(answers, network, size=(1024, 1024), logits=False, floor=None):
    """The mean over a network's views and snapshots at a size, resized as probabilities or as logits."""
    def one(snapshot):
        views = []
        for mirrored in network.views:
            raw = answers.raw(network, snapshot, mirrored)
            view = flip(raw) if mirrored else raw
            view = sigmoid(answers.resized(view, size) if logits else view)
            views.append(view if floor is None else np.where(view < F(floor), F(0), view))
        return mean(views)

    return answers.resized(mean([one(snapshot) for snapshot in range(len(network.weights))], network.weights), size)


def network_score(answers, network):
    """The same for the score of an output of its own."""
    def one(snapshot):
        return mean([sigmoid(answers.score(network, snapshot, mirrored)) for mirrored in network.views])

    return mean([one(snapshot) for snapshot in range(len(network.weights))], network.weights)


def areas(mask, corners=True):
    """Components, labelled from 1, and the number of pixels of each; corners connect by default."""
    labels, count = ndimage.label(mask, CORNERS if corners else None)
    return labels, np.bincount(labels.ravel(), minlength=count + 1)[1:]


def large_components(mask, least, corners=True):
    """Only the components of at least this number of pixels."""
    labels, counted = areas(mask, corners)
    return np.concatenate([[False], counted >= least])[labels]


def disk(radius):
    """All pixels of a square within the radius of its centre."""
    y, x = np.mgrid[-radius:radius + 1, -radius:radius + 1]
    return x * x + y * y <= radius * radius


def dilate(mask, radius):
    return ndimage.binary_dilation(mask, disk(radius))


def fill_holes(mask):
    return ndimage.binary_fill_holes(mask)


def dice(a, b):
    total = a.sum() + b.sum()
    return 1.0 if total == 0 else 2.0 * (a & b).sum() / total


def filled_contours(mask, more_than):
    """The contours that enclose more than an area, filled."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    kept = [contour for contour in found if cv2.contourArea(contour) > more_than]
    return cv2.drawContours(np.zeros(mask.shape, np.uint8), kept, -1, 1, -1).astype(bool)


def settle(target, merged, fine, about=None, fixed=None):
    """Two raw values for which `merged` of the answers is `target` to the last bit: that of most networks, and that of
    those that `fine` says, which weigh little enough for the steps between neighbouring numbers to be small. Both are
    near the logit of `about`, the target if left out; networks in `fixed` answer a number of their own."""
    others = F(logit(about or target))
    steps = np.arange(-100000, 100001, dtype=np.int32)
    candidates = (others.view(np.int32) + steps).view(F)
    hits = candidates[np.ravel(merged(Probe(candidates, fine, others, fixed or {}))) == F(target)]
    if not len(hits):
        raise ValueError(f"no value leads to {target}")
    return others, hits[len(hits) // 2]


def exactly(target, merged, fine, drawing, width=1024, **more):
    """Answers by which the merged map is `target` to the last bit where `drawing` of a value draws that value."""
    others, value = settle(target, merged, fine, **more)
    drawn = drawing(value)
    if fine.get("mirrored"):
        drawn = [(top, bottom, width - right, width - left, v) for top, bottom, left, right, v in drawn]
    return [answer(LOW, *drawing(others)), answer(LOW, *drawn, **fine)]

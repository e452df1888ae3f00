"""11th place: each network has its own mask; the union of the masks.

Each network: 8 folds, mirrored views. Probabilities below FLOOR become 0 before the two views are averaged. Pixels
above BAR; components of at least 1000 pixels; holes filled; dilated by a disk of radius 1. If the Dice of the two
views' masks, the mean over folds, is below AGREE: 1500 pixels and radius 2. In the union, holes are filled again.
"""

import numpy as np

from .answers import F, Network, answer
from .steps import HIGH, LOW, dice, dilate, fill_holes, flip, large_components, logit, mean, network_map, sigmoid

FLOOR, BAR, AGREE = 0.02, 0.5, 0.65
NETWORKS = [Network(name, weights=(1.0,) * 8) for name in ("se50", "se101", "senet154")]


def agreement(answers, network):
    """The Dice of the two views' masks, the mean over the folds."""
    def view(snapshot, mirrored):
        return sigmoid(answers.raw(network, snapshot, mirrored)) > F(BAR)

    return mean([F(dice(view(fold, False), flip(view(fold, True)))) for fold in range(8)])


def own_mask(answers, network):
    careful = agreement(answers, network) < F(AGREE)
    mask = large_components(network_map(answers, network, floor=FLOOR) > F(BAR), 1500 if careful else 1000)
    return dilate(fill_holes(mask), 2 if careful else 1)


class Eleventh:
    manifest, frame, networks = "siim-11th/ensemble.toml", (1024, 1024), NETWORKS

    def mask(self, answers):
        return fill_holes(np.any([own_mask(answers, network) for network in NETWORKS], axis=0))

    def cases(self):
        alone = [answer(LOW, members=["se50", "senet154"])]
        square = (500, 540, 100, 125, HIGH)
        yield "nothing", [answer(LOW)]
        yield "everything", [answer(HIGH)]
        yield "999-pixels", [answer(LOW, square, (539, 540, 124, 125, LOW))]
        yield "1000-pixels", [answer(LOW, square)]
        # A raw 0 is one half, which is not above one half.
        yield "equal-to-the-bar", [answer(LOW, (0, 40, 0, 40, 0), (200, 240, 0, 40, 1e-6))]
        yield "holes-bays-and-specks", [
            answer(LOW, (300, 400, 300, 400, HIGH), (310, 320, 310, 320, LOW), (350, 360, 390, 400, LOW),
                   (315, 316, 315, 316, HIGH), (600, 620, 600, 630, HIGH), (620, 640, 630, 660, HIGH)),
        ]
        yield "borders", [answer(LOW, (0, 40, 999, 1024, HIGH), (1023, 1024, 0, 1001, HIGH), (100, 140, 0, 25, HIGH))]
        # Rows 0 to 19 and 7 to 26: 13 of 20 rows are common, and the Dice is 0.65. The mean is half where one says no.
        plain, mirror = (0, 20, 200, 300, HIGH), (7, 27, 724, 824, HIGH)
        more, wide = (27, 28, 724, 726, HIGH), [(0, 20, 200, 320, HIGH), (7, 27, 704, 824, HIGH)]
        yield "dice-equal-to-the-limit", [answer(LOW, plain), answer(LOW, mirror, mirrored=True), *alone]
        yield "dice-just-below-1300-pixels", [answer(LOW, plain), answer(LOW, mirror, more, mirrored=True), *alone]
        yield "dice-just-below-1560-pixels", [answer(LOW, wide[0]), answer(LOW, wide[1], more, mirrored=True), *alone]
        # 0.0199 becomes 0, and then the mean is below one half; 0.0201 stays.
        strong = logit(0.985)
        yield "probabilities-below-the-floor", [
            answer(LOW, (0, 40, 0, 60, strong), (100, 140, 0, 60, strong), (200, 250, 0, 60, HIGH)),
            answer(LOW, (0, 40, 964, 1024, logit(FLOOR - 1e-5)), (100, 140, 964, 1024, logit(FLOOR + 1e-5)),
                   (200, 250, 964, 1024, HIGH), mirrored=True),
        ]
        yield "union-of-masks", [
            answer(LOW, (100, 140, 100, 140, HIGH)), answer(LOW, (120, 160, 120, 160, HIGH), members=["se101"]),
            answer(LOW, (600, 620, 100, 140, HIGH), members=["senet154"]),
            answer(LOW, snapshots=[0, 1, 2, 3], members=["se50"]),
        ]
        # Two brackets that enclose a hole between them, which neither has alone.
        yield "a-hole-of-two-networks", [
            answer(LOW, (300, 400, 300, 340, HIGH), (300, 320, 340, 400, HIGH), members=["se50"]),
            answer(LOW, (380, 400, 340, 400, HIGH), (300, 400, 400, 420, HIGH), members=["se101"]),
            answer(LOW, members=["senet154"]),
        ]


ENSEMBLES = [Eleventh()]

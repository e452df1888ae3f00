"""3rd place: the lungs first, then three networks on their box, and the result placed back; mirrored views.

The box encloses the two largest spots above LUNGS, is extended by MARGIN of its own sides, outward to whole pixels, and
clipped at the image's border; without a spot it is the whole image. Each network: 3 folds of 3 epochs with weights 0.5,
0.3 and 0.2.
"""

import math
from fractions import Fraction

import numpy as np

from .answers import F, Network, answer
from .steps import HIGH, LOW, areas, mean, network_map

LUNGS, MARGIN, BAR = 0.5, Fraction(1, 20), 0.5
LUNG = Network("lungs", (256, 256), views=(False,))
EPOCHS = (0.5, 0.3, 0.2) * 3
# What these see is drawn in a frame of its own: a box of 704 x 704, whatever the box is.
INSIDE = [
    Network(name, (size, size), EPOCHS, frame=(704, 704))
    for name, size in (("m1-704", 704), ("m2-576-chexpert", 576), ("m3-576-both", 576))
]
NAMES = [network.name for network in INSIDE]


def box(p):
    """(top, bottom, left, right) in an image of 1024 x 1024, from a map."""
    labels, counted = areas(p > F(LUNGS))
    if not len(counted):
        return 0, 1024, 0, 1024
    mask = np.isin(labels, 1 + np.argsort(-counted, kind="stable")[:2])

    def side(marked):
        places, scale = np.flatnonzero(marked), Fraction(1024, len(marked))
        first, end = int(places[0]), int(places[-1]) + 1
        grown = MARGIN * (end - first)
        return max(0, math.floor((first - grown) * scale)), min(1024, math.ceil((end + grown) * scale))

    return *side(mask.any(axis=1)), *side(mask.any(axis=0))


class Third:
    manifest, frame, image, networks = "siim-3rd/ensemble.toml", (1024, 1024), (1024, 1024), [LUNG, *INSIDE]

    def mask(self, answers):
        top, bottom, left, right = box(network_map(answers, LUNG, (256, 256)))
        maps = []
        for network in INSIDE:
            maps.append(np.zeros((1024, 1024), F))
            maps[-1][top:bottom, left:right] = network_map(answers, network, (bottom - top, right - left))
        return mean(maps) > F(BAR)

    def cases(self):
        def lungs(*drawn, ground=LOW):
            return answer(ground, *drawn, members=["lungs"])

        def inside(*drawn, **more):
            return answer(LOW, *drawn, **{"members": NAMES, **more})

        pair = (192, 832, 192, 448, HIGH), (192, 832, 576, 832, HIGH)
        corner = (0, 100, 0, 88, HIGH), (604, 704, 600, 704, HIGH)
        yield "no-lungs", [lungs(), inside(*corner)]
        # A raw 0 is one half, which is not above one half: the whole image is the box.
        yield "lungs-equal-to-the-bar", [lungs((192, 832, 192, 832, 0)), inside(*corner)]
        yield "lungs-just-above-the-bar", [lungs((192, 832, 192, 832, 1e-6)), inside(*corner)]
        yield "everything", [lungs(ground=HIGH), answer(HIGH, members=NAMES)]
        yield "two-lungs", [lungs(*pair), answer(HIGH, (300, 400, 200, 300, LOW), members=NAMES)]
        specks = (0, 100, 0, 100, HIGH), (1000, 1024, 1000, 1024, HIGH)
        yield "two-lungs-and-specks", [lungs(*pair, *specks), answer(HIGH, members=NAMES)]
        third = (192, 832, 900, 1024, HIGH), (192, 832, 192, 260, LOW)
        yield "three-spots", [lungs(*pair, *third), answer(HIGH, members=NAMES)]
        yield "box-at-the-border", [lungs((0, 400, 0, 360, HIGH), (0, 420, 600, 1024, HIGH)), inside(*corner)]
        yield "box-not-square", [lungs((100, 200, 300, 820, HIGH), (200, 500, 400, 500, HIGH)), inside(*corner)]
        yield "box-of-one-pixel", [lungs((512, 516, 40, 44, HIGH)), answer(HIGH, members=NAMES)]
        yield "networks-disagree", [
            lungs(*pair), inside((100, 200, 100, 300, HIGH)), inside((150, 250, 100, 300, HIGH), members=[NAMES[2]]),
            inside(members=[NAMES[0]]),
        ]
        # The best epochs of a fold weigh half, and so do the two others together: with one fold's it is less than half.
        yield "epochs-disagree", [
            lungs(*pair), inside((100, 200, 100, 300, HIGH), snapshots=[0, 3, 6, 1]),
            inside((300, 400, 100, 300, HIGH), snapshots=[4, 5, 7, 8, 2]), inside(snapshots=[1, 2], members=[NAMES[1]]),
        ]
        yield "views-disagree", [
            lungs(*pair), inside((100, 200, 100, 300, HIGH)), inside((100, 150, 404, 604, HIGH), mirrored=True),
        ]


ENSEMBLES = [Third()]

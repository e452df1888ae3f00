"""9th place: an image is positive if a U-Net finds a large spot, or if five classifiers agree; mirrored views.

The U-Net's spot: more than SPOT pixels of 1024 x 1024, connected by their sides, where the mean over folds of p minus
the fold's threshold is positive. The classifiers: each above AGREE. Then the networks trained on positives, each minus
its own threshold: pixels that are not negative, in components of more than SMALL pixels.
"""

import numpy as np

from .answers import F, Network, answer
from .steps import HIGH, LOW, areas, large_components, logit, mean, network_map, network_score, settle

SPOT, AGREE, SMALL = 2000, 0.7, 500
FOLDS = (1.0,) * 5
FIRST = Network("first-unet", (768, 768), FOLDS)
KINDS = (("se101-384", 384), ("r34-a", 1024), ("r34-b", 1024), ("se50-512", 512), ("se101-512", 512))
CLASSIFIERS = [Network(f"cls-{name}", (size, size), FOLDS) for name, size in KINDS]
SECOND = [Network("second-768", (768, 768), (1.0,) * 10), Network("second-928", (928, 928), FOLDS)]
# The winner's own are unknown, and the manifest has 0.5 throughout; these replace them, to tell them apart. Their means
# are 0.5, 0.375 and 0.75.
THRESHOLDS = {
    "first-unet": [0.25, 0.75, 0.5, 0.375, 0.625],
    "second-768": [0.25, 0.5, 0.375, 0.375, 0.125, 0.625, 0.25, 0.5, 0.5, 0.25],
    "second-928": [0.75, 0.625, 0.875, 0.75, 0.75],
}


def less_threshold(answers, network):
    """The mean over a network's folds of p minus the threshold."""
    return network_map(answers, network) - mean([F(it) for it in THRESHOLDS[network.name]])


def grown(top, left, value):
    """A spot of 500 pixels of 1024 in a map of 768, where the value is sure: 4 x 124, and 1 x 4 below."""
    return (top, top + 4, left, left + 124, value), (top + 4, top + 5, left, left + 4, value)


class Ninth:
    manifest, frame, networks = "siim-9th/ensemble.toml", (1024, 1024), [FIRST, *CLASSIFIERS, *SECOND]
    thresholds = THRESHOLDS

    def is_there(self, answers):
        _, counted = areas(less_threshold(answers, FIRST) > 0, corners=False)
        agreed = all(network_score(answers, network) > F(AGREE) for network in CLASSIFIERS)
        return agreed or counted.max(initial=0) > SPOT

    def mask(self, answers):
        mask = mean([less_threshold(answers, network) for network in SECOND], (10.0, 5.0)) >= 0
        return large_components(mask, SMALL + 1, corners=False) & self.is_there(answers)

    def cases(self):
        """Edges are at multiples of 4 by default, where three pixels of 768 are four of 1024."""
        block = answer(LOW, (96, 160, 320, 384, HIGH), members=["second-768", "second-928"])
        no, yes, blank = answer(score=-3), answer(score=3), answer(LOW)

        def first(*drawn, ground=LOW):
            return answer(ground, *drawn, members=["first-unet"])

        spot = (400, 420, 100, 200, HIGH)
        yield "nothing", [blank, yes]
        yield "everything", [answer(HIGH), yes]
        yield "spot-of-2000-pixels", [block, first(spot), no]
        yield "spot-of-2001-pixels", [block, first(spot, (400, 401, 200, 201, HIGH)), no]
        yield "spots-joined-by-a-corner", [block, first((400, 420, 100, 200, HIGH), (420, 440, 200, 300, HIGH)), no]
        yield "first-equal-to-its-thresholds", [block, first(ground=0), no]
        yield "first-just-above-its-thresholds", [block, first(ground=1e-4), no]
        equal, fine = settle(AGREE, lambda it: network_score(it, CLASSIFIERS[3]), {"snapshots": [1], "mirrored": True})
        last = {"members": [CLASSIFIERS[3].name]}
        score = [answer(score=equal, **last), answer(score=fine, snapshots=[1], mirrored=True, **last)]
        yield "four-agree-and-one-is-at-the-limit", [block, first(), yes, *score]
        yield "five-agree", [block, first(), yes, answer(score=logit(AGREE + 1e-6), **last)]
        # A raw 0 is one half: minus 0.375 twice and 0.75 once, the mean is 0.
        both = ["second-768", "second-928"]
        yield "second-equal-to-their-thresholds", [blank, yes, answer(LOW, members=both), answer(0, members=both)]
        yield "second-just-below-their-thresholds", [yes, blank, answer(-1e-4, members=both)]
        yield "components-of-500-and-501", [
            blank, yes,
            answer(LOW, *grown(200, 300, 10), *grown(600, 300, 10), (604, 605, 304, 305, 10),
                   (800, 840, 300, 312, 10), (840, 880, 312, 324, 10), members=["second-768"]),
        ]
        yield "networks-and-views-disagree", [
            blank, yes, answer(LOW, (96, 160, 320, 384, HIGH), (512, 640, 0, 128, HIGH), members=both),
            answer(LOW, (512, 640, 896, 1024, HIGH), mirrored=True, members=["second-928"]),
            answer(LOW, (96, 160, 320, 384, HIGH), members=["second-768"], snapshots=[0, 1, 2, 3, 4]),
        ]


ENSEMBLES = [Ninth()]

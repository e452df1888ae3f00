"""2nd place: a stacked classifier as the gate, and segmenters trained on positives only. No mirrored views.

The stacker's inputs are each classifier's mean over its folds, the mean of these, and their cyclic half-differences. If
its output is above GATE, pixels whose mean of the segmenters' sigmoids is above BAR; the logits of the one at 768 are
enlarged before the sigmoid.
"""

import numpy as np

from .answers import F, Network, answer
from .steps import HIGH, LOW, exactly, logit, mean, network_map, network_score

FOLDS = (1.0,) * 5
GATE, BAR = 0.65, 0.4
KINDS = (("se50-768", 768), ("se50-1024", 1024), ("se50-chexpert", 768), ("b3-1024", 1024), ("se101-768", 768))
CLASSIFIERS = [Network(f"cls-{name}", (size, size), FOLDS, (False,)) for name, size in KINDS]
SMALL = Network("seg-b5", (768, 768), FOLDS, (False,))
LARGE = [Network(f"seg-{name}", weights=FOLDS, views=(False,)) for name in ("se50", "se101", "b3", "deeplab")]
SEGMENTERS = [*LARGE, SMALL]
# A synthetic stacker, the features' weighted sum, with numbers that need no rounding if every classifier's output is
# one half: then the sum is GATE to the last bit.
WEIGHTS = [0.25, 0.125, 0.0625, 0.125, 0.1875, 0.25, 0.125, -0.0625, 0.125, -0.125, 0.0625]
BIAS = F(GATE) - F(0.5)


def stacked(p):
    """The stacker: sums n probabilities, their mean, and n half-differences of neighbours, the last with the first."""
    p = np.asarray(p, F)
    features = np.concatenate([p, [p.mean(dtype=F)], (p - np.roll(p, -1)) / F(2)])
    return np.clip(np.dot(features, np.asarray(WEIGHTS, F)) + BIAS, 0, 1)


class Second:
    manifest, frame = "siim-2nd/ensemble.toml", (1024, 1024)
    networks = CLASSIFIERS + SEGMENTERS
    stack = {"weights": WEIGHTS, "bias": float(BIAS)}

    def merged(self, answers):
        return mean([network_map(answers, it, logits=it is SMALL) for it in SEGMENTERS])

    def mask(self, answers):
        score = stacked([network_score(answers, it) for it in CLASSIFIERS])
        p = self.merged(answers)
        return (p > F(BAR)) & (score > F(GATE))

    def cases(self):
        assert stacked([0.5] * 5) == F(GATE)
        block, yes = answer(LOW, (96, 196, 400, 480, HIGH)), answer(score=HIGH)
        yield "nothing", [answer(LOW, score=HIGH)]
        yield "everything", [answer(HIGH, score=HIGH)]
        yield "below-the-gate", [answer(HIGH, score=-2)]
        yield "score-equal-to-the-gate", [block, answer(score=0)]
        yield "score-just-above-the-gate", [block, answer(score=0), answer(score=1e-4, members=["cls-b3-1024"])]
        # Half of the classifiers are positive, and their order matters: half-differences have signs.
        yield "classifiers-disagree", [
            block, answer(score=2), answer(score=-3, members=["cls-se50-1024", "cls-b3-1024"]),
        ]
        yield "folds-disagree", [block, answer(score=1), answer(score=-4, snapshots=[0, 3])]
        # The output of the network at 768 is 0, the same at any size; the others are exact.
        zero = [answer(0, members=["seg-b5"]), yes]
        yield "equal-to-the-bar", exactly(
            BAR, self.merged, {"members": ["seg-se50"]}, lambda v: [(100, 140, 50, 60, v)],
            about=(5 * BAR - 0.5) / 4, fixed={"seg-b5": 0.0},
        ) + zero
        above, below = logit((5 * BAR - 0.5) / 4 + 1e-5), logit((5 * BAR - 0.5) / 4 - 1e-5)
        spots = (100, 140, 50, 60, above), (200, 300, 50, 60, below), (9, 10, 7, 8, above)
        yield "around-the-bar", [answer(LOW, *spots), *zero]
        # At its edges the small map's logits are blended, half way up the sigmoid's slope and not half way to 1.
        small = answer(LOW, (202, 403, 602, 699, HIGH + 2), members=["seg-b5"])
        yield "logits-are-enlarged", [answer(logit(0.3)), small, yes]
        yield "segmenters-disagree", [
            answer(LOW, (0, 30, 0, 40, HIGH)), answer(LOW, (20, 60, 0, 40, HIGH), members=["seg-b3", "seg-deeplab"]),
            answer(LOW, snapshots=[1, 2], members=["seg-se101"]), answer(LOW, members=["seg-b5"]), yes,
        ]


ENSEMBLES = [Second()]

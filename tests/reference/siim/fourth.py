"""4th place: one network with a label branch, 8 folds of 4 checkpoints, mirrored views, all at 768.

The mask is empty if the score is below GATE, or fewer than AREA pixels of 768 x 768 are above SURE; otherwise the
pixels above BAR, resized to 1024 x 1024 by the nearest pixel.
"""

import cv2
import numpy as np

from .answers import F, Network, answer
from .steps import HIGH, LOW, exactly, logit, network_map, network_score, settle

GATE, SURE, AREA, BAR = 0.4, 0.8, 800, 0.4
NETWORK = Network("unet-r34", (768, 768), (1.0,) * 32)


class Fourth:
    manifest, frame, networks = "siim-4th/ensemble.toml", (768, 768), [NETWORK]

    def merged(self, answers):
        return network_map(answers, NETWORK, (768, 768))

    def score(self, answers):
        return network_score(answers, NETWORK)

    def mask(self, answers):
        p = self.merged(answers)
        if self.score(answers) < F(GATE) or (p > F(SURE)).sum() < AREA:
            p = np.zeros_like(p)
        return cv2.resize((p > F(BAR)).astype(np.uint8), (1024, 1024), interpolation=cv2.INTER_NEAREST).astype(bool)

    def cases(self):
        def both(score, *drawn):
            return [answer(LOW, *drawn, score=score)]

        sure = (100, 140, 200, 220, HIGH)
        around = (90, 150, 190, 301, 1)
        one_less = (139, 140, 219, 220, 1)
        # One of 64 outputs makes up the difference that 63 equal ones lack.
        fine = {"snapshots": [9], "mirrored": True}
        equal, mirror = settle(GATE, self.score, fine)
        yield "nothing", both(HIGH)
        yield "everything", [answer(HIGH, score=HIGH)]
        yield "799-sure-pixels", both(HIGH, around, sure, one_less)
        yield "800-sure-pixels", both(HIGH, around, sure)
        yield "score-equal-to-the-gate", both(equal, around, sure) + [answer(score=mirror, **fine)]
        yield "score-just-below-the-gate", both(logit(GATE - 1e-6), around, sure)
        yield "sure-is-strict", exactly(SURE, self.merged, fine, lambda v: [around, (0, 80, 0, 100, v)], width=768) + [
            answer(score=HIGH),
        ]
        yield "just-sure", both(HIGH, around, (0, 40, 0, 20, logit(SURE + 1e-6)))
        yield "the-bar-is-strict", exactly(
            BAR, self.merged, fine, lambda v: [sure, (300, 400, 300, 400, v), (500, 501, 0, 768, logit(BAR + 1e-6))],
            width=768,
        ) + [answer(score=HIGH)]
        # 17 of 32 checkpoints and both views, or all of them and one view: p is above BAR but not sure.
        yield "checkpoints-and-views-disagree", [
            answer(LOW, sure, score=1), answer(LOW, sure, (300, 380, 300, 380, HIGH), snapshots=list(range(17))),
            answer(LOW, sure, score=-1.5, snapshots=[31], mirrored=True),
        ]
        # A single pixel, a row and a column at the far border, resized by the nearest pixel.
        yield "nearest-pixels", both(HIGH, sure, (767, 768, 0, 768, 1), (0, 768, 767, 768, 1), (401, 402, 401, 402, 1),
                                     (500, 502, 500, 502, 1))


ENSEMBLES = [Fourth()]

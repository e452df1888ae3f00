"""1st place: four U-Nets at 1024, a weighted mean, and the triplet rule.

Each network: 5 folds of 3 checkpoints, plain and mirrored. Empty with fewer than AREA pixels above TOP; otherwise the
pixels above BOTTOM, with their contours of more than 100 filled.
"""

from .answers import F, Network, answer
from .steps import HIGH, LOW, exactly, filled_contours, logit, mean, network_map

NAMES = ("albunet-public", "albunet-valid", "seunet", "resnet50")
NETWORKS = [Network(name, weights=(1.0,) * 15) for name in NAMES]
BOTTOM, CONTOUR = 0.3, 100
FINE = {"members": ["albunet-valid"]}


class First:
    """One of the two submissions."""

    frame, networks = (1024, 1024), NETWORKS

    def __init__(self, manifest, weights, top, area):
        self.manifest, self.weights, self.top, self.area = manifest, weights, top, area

    def merged(self, answers):
        return mean([network_map(answers, network) for network in NETWORKS], self.weights)

    def mask(self, answers):
        p = self.merged(answers)
        if (p > F(self.top)).sum() < self.area:
            return p > 2
        return filled_contours(p > F(BOTTOM), CONTOUR)

    def cases(self):
        """The number of sure pixels, then the effect on the others."""
        above_top, above_bottom = logit(self.top + 1e-5), logit(BOTTOM + 1e-5)
        sure = (300, 350, 100, 100 + self.area // 50, HIGH)
        # One pixel of the sure ones is not.
        but_one = (349, 350, 100, 101, 0)
        yield "sure-one-too-few", [answer(LOW, (200, 400, 50, 300, 0), sure, but_one)]
        yield "sure-just-enough", [answer(LOW, (200, 400, 50, 300, 0), sure)]
        yield "sure-equal-to-top", exactly(self.top, self.merged, FINE, lambda top: [(200, 400, 50, 300, top)])
        yield "networks-disagree", [
            answer(LOW, (300, 400, 100, 250, HIGH), (0, 40, 0, 50, HIGH)),
            answer(LOW, (0, 40, 0, 50, HIGH), members=["albunet-valid"]),
            answer(LOW, (340, 440, 100, 250, HIGH), (0, 40, 0, 50, HIGH), members=["seunet"]),
        ]
        if self.top != 0.7:
            return
        yield "nothing", [answer(LOW)]
        yield "everything", [answer(HIGH)]
        yield "sure-just-above-top", [answer(LOW, (200, 400, 50, 300, above_top))]
        yield "equal-to-bottom", exactly(BOTTOM, self.merged, FINE, lambda bottom: [
            sure, (500, 600, 700, 800, bottom), (700, 800, 700, 800, above_bottom),
        ])
        # Squares of 11 and 12 pixels have contours of 100 and 121; a strip that is one pixel wide has none. A hole is
        # filled if its own contour is as small, and with what is in it.
        yield "contours-and-holes", [
            answer(LOW, sure, (10, 21, 500, 511, 1), (60, 72, 500, 512, 1), (110, 111, 300, 900, 1),
                   (500, 600, 500, 600, 1), (510, 520, 510, 520, LOW), (510, 521, 560, 571, LOW),
                   (540, 580, 540, 580, LOW), (555, 565, 555, 565, 1)),
        ]
        yield "borders-and-corners", [
            answer(LOW, (0, 40, 0, 40, HIGH), (984, 1024, 1004, 1024, HIGH), (400, 408, 400, 408, 1),
                   (408, 416, 408, 416, 1), (600, 1024, 1023, 1024, 1)),
        ]
        region = (300, 400, 100, 250, HIGH)
        yield "checkpoints-and-views-disagree", [
            answer(LOW, region),
            answer(LOW, (350, 450, 100, 250, HIGH), snapshots=[1, 4, 7, 10, 13]),
            answer(LOW, (300, 400, 800, 900, HIGH), mirrored=True, members=["resnet50"]),
        ]


ENSEMBLES = [
    First("siim-1st/ensemble.toml", (0.4, 0.2, 0.2, 0.2), 0.7, 800),
    First("siim-1st/ensemble-v2.toml", (0.2, 0.15, 0.4, 0.25), 0.75, 1500),
]

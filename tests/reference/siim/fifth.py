"""5th place: seven networks with mirrored views, five of one kind and two of another, with equal weights.

The mask is empty if no pixel of the mean is above SURE, or at most AREA pixels are above BAR.
"""

from .answers import F, Network, answer
from .steps import HIGH, LOW, exactly, logit, mean, network_map

SURE, BAR, AREA = 0.5, 0.2, 64
NETWORKS = [Network("aspp-se50", weights=(1.0,) * 5), Network("aspp-se101", weights=(1.0,) * 2)]


class Fifth:
    manifest, frame, networks = "siim-5th/ensemble.toml", (1024, 1024), NETWORKS

    def merged(self, answers):
        return mean([network_map(answers, network) for network in NETWORKS], (5.0, 2.0))

    def mask(self, answers):
        p = self.merged(answers)
        mask = p > F(BAR)
        return mask & (p.max() > F(SURE)) & (mask.sum() > AREA)

    def cases(self):
        yield "nothing", [answer(LOW)]
        yield "everything", [answer(HIGH)]
        # A raw 0 is one half, exactly.
        yield "no-pixel-above-a-half", [answer(LOW, (0, 100, 0, 100, 0))]
        yield "one-pixel-above-a-half", [answer(LOW, (0, 100, 0, 100, 0), (99, 100, 99, 100, 1e-6))]
        yield "64-pixels", [answer(LOW, (1016, 1024, 1016, 1024, HIGH))]
        yield "65-pixels", [answer(LOW, (1016, 1024, 1016, 1024, HIGH), (0, 1, 0, 1, -1))]
        yield "64-and-some-at-the-bar", exactly(
            BAR, self.merged, {"members": ["aspp-se101"]}, lambda v: [(10, 18, 10, 18, HIGH), (10, 18, 18, 60, v)],
        )
        yield "just-above-the-bar", [answer(LOW, (10, 18, 10, 18, HIGH), (10, 18, 18, 60, logit(BAR + 1e-6)))]
        # Networks have equal weights, not kinds: two of seven are positive, then four of seven.
        yield "two-of-seven", [answer(LOW, (0, 50, 0, 50, HIGH)), answer(LOW, members=["aspp-se50"])]
        yield "four-of-seven", [
            answer(LOW, (0, 50, 0, 50, HIGH)),
            answer(LOW, (40, 90, 0, 50, HIGH), members=["aspp-se50"], snapshots=[2, 3, 4]),
        ]
        block = (30, 70, 200, 300, HIGH)
        yield "one-view-of-two", [answer(LOW, block), answer(LOW, block, mirrored=True)]


ENSEMBLES = [Fifth()]

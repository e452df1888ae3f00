"""6th place: EncNet looks eleven ways whether there is anything; four groups of networks draw it; 4 folds each.

Views of the gate: as it is, mirrored, equalised and turned by eight angles. Above GATE the mean of the four groups,
above BAR. The two B4 come as masks of their own, above BAR, and of fewer than AREA pixels they are nothing.
"""

from .answers import F, Network, answer
from .steps import HIGH, LOW, logit, mean, network_map, network_score, settle

GATE, BAR, AREA = 0.32, 0.375, 2048
FOLDS = (1.0,) * 4
ELEVEN = (False, True) + (False,) * 9
GATES = [Network(f"encnet-{size}", (size, size), FOLDS, ELEVEN) for size in (512, 1024)]
KINDS = (("encnet", 512), ("encnet", 1024), ("b4", 640), ("b4", 512), ("se50", 512), ("se50", 1024))
GROUPS = [Network(f"{name}-{size}", (size, size), FOLDS) for name, size in KINDS] + [Network("senet154", weights=FOLDS)]
WEIGHTS = (0.5,) * 6 + (1.0,)


def own_map(answers, network):
    p = network_map(answers, network)
    if not network.name.startswith("b4"):
        return p
    mask = p > F(BAR)
    return (mask & (mask.sum() >= AREA)).astype(F)


class Sixth:
    manifest, frame, networks = "siim-6th/ensemble.toml", (1024, 1024), GROUPS

    def score(self, answers):
        return mean([network_score(answers, network) for network in GATES])

    def mask(self, answers):
        p = mean([own_map(answers, network) for network in GROUPS], WEIGHTS)
        return (p > F(BAR)) & (self.score(answers) > F(GATE))

    def cases(self):
        block, yes = answer(LOW, (64, 128, 320, 384, HIGH)), answer(score=HIGH)
        fine = {"members": ["encnet-512"], "snapshots": [2], "mirrored": True}
        equal, mirror = settle(GATE, self.score, fine)
        yield "nothing", [answer(LOW), yes]
        yield "everything", [answer(HIGH), yes]
        yield "score-equal-to-the-gate", [block, answer(score=equal), answer(score=mirror, **fine)]
        yield "score-just-above-the-gate", [block, answer(score=equal), answer(score=mirror + 1e-2, **fine)]
        # The mirrored view is one of eleven, a fold one of four.
        yield "views-disagree", [block, answer(score=-0.9), answer(score=9, mirrored=True)]
        yield "folds-disagree", [
            block, answer(score=-9), answer(score=9, snapshots=[0]),
            answer(score=2, snapshots=[3], members=["encnet-512"]),
        ]
        # The other groups leave it to the two B4: 0.225 without them, 0.35 with one, 0.475 with both.
        unsure = answer(LOW, (0, 512, 0, 512, logit(0.3)))
        both = ["b4-640", "b4-512"]
        yield "both-b4-of-2048-pixels", [unsure, answer(LOW, (64, 128, 64, 96, HIGH), members=both), yes]
        yield "one-b4-of-fewer", [
            unsure, answer(LOW, (64, 128, 64, 96, HIGH), members=both),
            answer(LOW, (64, 128, 64, 96, HIGH), (64, 66, 64, 66, LOW), members=["b4-512"]), yes,
        ]
        yield "all-together-2048-pixels", [
            unsure, answer(LOW, (64, 96, 64, 96, HIGH), (256, 288, 480, 512, HIGH), members=both), yes,
        ]
        above, below = logit((4 * BAR - 1) / 3 + 1e-5), logit((4 * BAR - 1) / 3 - 1e-5)
        yield "around-the-bar", [
            answer(LOW, (0, 128, 0, 64, above), (128, 256, 0, 64, below), (512, 1024, 512, 768, HIGH)),
            answer(LOW, (0, 256, 0, 64, HIGH), members=both), yes,
        ]
        yield "groups-disagree", [
            answer(LOW, (0, 96, 0, 96, HIGH)), answer(LOW, members=["senet154", "se50-512"]),
            answer(LOW, (32, 128, 0, 96, HIGH), members=["encnet-1024", "b4-640"]), yes,
        ]


ENSEMBLES = [Sixth()]

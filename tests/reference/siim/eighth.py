"""8th place: DeepLabV3+ throughout; three snapshots weighing 3, 1, 1; mirrored views.

Four networks trained on all images give a score: the mean of their maps' highest pixels. The maps of four networks
trained on positives are multiplied by it, those of four others are used unchanged. The mask is empty if no pixel of the
mean is above SURE, or fewer than AREA pixels are above BAR.
"""

from .answers import F, Network, answer
from .steps import HIGH, LOW, logit, mean, network_map

SURE, BAR, AREA = 0.7, 0.4, 2048
BEST = (3.0, 1.0, 1.0)
KINDS = ("resnet50", "resnet101", "resnext50", "resnext101")
CLASS = [Network(f"class-{kind}", (size, size), BEST) for kind, size in zip(KINDS, (1024, 1024, 1024, 960))]
ALL = Network("all-resnext101", weights=BEST * 4)
POSITIVES = [Network(f"positives-{kind}", (size, size), BEST) for kind, size in zip(KINDS, (1280, 1280, 1280, 1024))]


class Eighth:
    manifest, frame, networks = "siim-8th/ensemble.toml", (1024, 1024), [*CLASS, ALL, *POSITIVES]

    def score(self, answers):
        return mean([network_map(answers, network, network.size).max() for network in CLASS])

    def mask(self, answers):
        score = self.score(answers)
        maps = [network_map(answers, ALL)] + [network_map(answers, network) * score for network in POSITIVES]
        p = mean(maps, (4.0, 1.0, 1.0, 1.0, 1.0))
        mask = p > F(BAR)
        return mask & (p.max() > F(SURE)) & (mask.sum() >= AREA)

    def cases(self):
        """Edges are at multiples of 4, where the pixels of 1280 end; 2e-6 is the rounding error of resizing."""
        classes, positives = [it.name for it in CLASS], [it.name for it in POSITIVES]
        block = (100, 164, 200, 232, HIGH)

        def seen(p):
            """The classifying networks find one pixel."""
            return answer(LOW, (500, 501, 300, 301, logit(p)), members=classes)

        yield "nothing", [answer(LOW)]
        yield "everything", [answer(HIGH)]
        # With certain maps, p is 1/2 + score / 2 inside of a spot.
        full = answer(20, members=["all-resnext101", *positives])
        yield "not-quite-sure", [full, seen(2 * SURE - 1 - 4e-6)]
        yield "just-sure", [full, seen(2 * SURE - 1 + 4e-6)]
        yield "2048-pixels", [answer(LOW, block), seen(0.9)]
        native = ["all-resnext101", "positives-resnext101"]
        yield "2047-pixels", [
            answer(LOW, block), answer(LOW, block, (163, 164, 231, 232, LOW), members=native), seen(0.9),
        ]
        yield "the-score-tips-what-is-marked", [
            answer(LOW, block), answer(LOW, block, (400, 440, 400, 480, HIGH), members=positives), seen(0.9),
        ]
        # Half of 0.79 and half of 0.81 are around the bar.
        low, high = logit(2 * BAR - 1e-4), logit(2 * BAR + 1e-4)
        yield "around-the-bar", [
            answer(-30, block), seen(0.9),
            answer(-30, block, (800, 900, 0, 100, low), (0, 40, 0, 40, high), members=["all-resnext101"]),
        ]
        # One classifying network of four is certain, two are, or all best snapshots are: scores of .25, .5, .6.
        unseen = [full, answer(LOW, members=classes)]
        yield "one-network-is-certain", unseen + [answer(20, members=[classes[2]])]
        yield "two-networks-are-certain", unseen + [answer(20, members=classes[1:3])]
        yield "the-best-snapshots-are-certain", unseen + [answer(20, members=classes, snapshots=[0])]
        yield "the-others-are-not-enough", unseen + [answer(20, members=classes, snapshots=[1])]


ENSEMBLES = [Eighth()]

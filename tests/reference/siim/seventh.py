"""7th place: 27 networks with equal weights: 17 at 1024 with mirrored views, 10 at 768 with a view of 1024.

The mask is empty if no pixel of the mean is above SURE; otherwise the pixels above BAR.
"""

from .answers import F, Network, answer
from .steps import HIGH, LOW, logit, mean, network_map, sigmoid

SURE, BAR = 0.72, 0.2


def alike(name, count, side):
    return Network(name, (side, side), (1.0,) * count)


MIRRORED = [alike("fpn-r50", 5, 1024), alike("fpn-r101", 5, 1024), alike("fpn-r101-seeds", 7, 1024)]
SCALED = [alike("panet-r34", 4, 768), alike("panet-r50", 4, 768), alike("emanet-r101", 2, 768)]
NETWORKS = MIRRORED + SCALED


def scaled_map(answers, network):
    """The mean of two views, the second of 1024 x 1024 and resized back."""
    def one(snapshot):
        larger = sigmoid(answers.raw(network, snapshot, size=(1024, 1024)))
        return mean([sigmoid(answers.raw(network, snapshot)), answers.resized(larger, network.size)])

    return answers.resized(mean([one(snapshot) for snapshot in range(len(network.weights))]), (1024, 1024))


class Seventh:
    manifest, frame, networks = "siim-7th/ensemble.toml", (1024, 1024), NETWORKS

    def mask(self, answers):
        maps = [network_map(answers, network, logits=True) for network in MIRRORED]
        maps += [scaled_map(answers, network) for network in SCALED]
        p = mean(maps, [len(network.weights) for network in NETWORKS])
        return (p > F(BAR)) & (p.max() > F(SURE))

    def cases(self):
        """Edges are at multiples of 4, where the pixels of both views end; 2e-6 is the rounding error of resizing."""
        sure = (400, 440, 400, 420, HIGH)
        yield "nothing", [answer(LOW)]
        yield "everything", [answer(HIGH)]
        yield "not-quite-sure", [answer(LOW, (0, 400, 0, 80, logit(SURE - 2e-6)))]
        yield "just-sure", [answer(LOW, (0, 400, 0, 80, logit(SURE + 2e-6)))]
        yield "around-the-bar", [
            answer(LOW, sure, (0, 40, 0, 80, logit(BAR + 2e-6)), (80, 120, 0, 80, logit(BAR - 2e-6)),
                   (1020, 1024, 0, 1024, logit(BAR + 2e-6)), (0, 1024, 1020, 1024, logit(BAR - 2e-6))),
        ]
        # 17 and 19 of 27 are not enough, 21 are; five of 27 are not enough for the bar, seven are.
        block = (200, 240, 600, 800, HIGH)
        yield "17-of-27", [answer(LOW, block), answer(LOW, members=[it.name for it in SCALED])]
        yield "19-of-27", [answer(LOW, block), answer(LOW, members=["panet-r34", "panet-r50"])]
        yield "21-of-27", [answer(LOW, block), answer(LOW, members=["panet-r34", "emanet-r101"])]
        yield "five-and-seven-of-27", [
            answer(LOW, sure), answer(LOW, sure, (0, 40, 0, 80, HIGH), members=["fpn-r101"]),
            answer(LOW, sure, (80, 120, 0, 80, HIGH), members=["fpn-r101-seeds"]),
        ]
        yield "views-disagree", [answer(LOW, block), answer(LOW, (220, 260, 224, 424, HIGH), mirrored=True)]


ENSEMBLES = [Seventh()]

"""Writes golden/steps.onnx and golden/steps.json.gz: a small network with one of everything, PyTorch's gradients of several
losses by its weights, and its weights after ten steps of each optimiser.

Run from this folder with torch and onnx installed: python steps.py
"""

import copy
import gzip
import json
import math

import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    """A stem, a grouped residual block, a depthwise block with squeeze and excitation, skips, both heads."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=4)
        self.bn2 = nn.BatchNorm2d(8, momentum=0.01, eps=1e-3)
        self.depthwise = nn.Conv2d(8, 8, 5, stride=2, padding=2, groups=8, bias=False)
        self.bn3 = nn.BatchNorm2d(8)
        self.squeeze = nn.Conv2d(8, 4, 1)
        self.excite = nn.Conv2d(4, 8, 1)
        self.dilated = nn.Conv2d(8, 12, 3, padding=2, dilation=2)
        self.up = nn.ConvTranspose2d(12, 6, 4, stride=2, padding=1)
        self.join = nn.Conv2d(14, 6, 3, padding=1)
        self.answer = nn.Conv2d(6, 1, 1)
        self.label = nn.Linear(12, 1)

    def forward(self, image):
        full = F.relu(self.bn1(self.stem(image)))
        small = F.max_pool2d(full, 3, 2, 1)
        small = F.relu(small + self.bn2(self.grouped(small)))
        tiny = F.silu(self.bn3(self.depthwise(small)))
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(tiny.mean((2, 3), keepdim=True)))))
        tiny = F.hardswish(self.dilated(tiny * gate))
        score = self.label(tiny.mean((2, 3)))
        grown = self.up(tiny)
        joined = torch.cat([F.interpolate(grown, scale_factor=2, mode="nearest"), full], 1)
        joined = F.leaky_relu(self.join(joined), 0.1)
        map_ = F.interpolate(self.answer(joined), scale_factor=2, mode="bilinear", align_corners=False)
        return map_, score.squeeze(1)


def batch(step):
    """The same numbers as in the Rust test: sines, and a disc for the truth."""
    n, h, w = 3, 24, 32
    index = torch.arange(n * h * w, dtype=torch.float64)
    image = torch.sin(index * 0.37 + step).float().reshape(n, 1, h, w)
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    mask = torch.stack([((y - 10 - k) ** 2 + (x - 12 + step) ** 2 < (30 * k)).float() for k in range(n)]).unsqueeze(1)
    label = (mask.flatten(1).sum(1) > 0).float()
    return image + 0.5 * mask, mask, label


def bce(x, t, positive=1.0):
    return F.binary_cross_entropy_with_logits(x, t, pos_weight=torch.tensor(positive))


def cross_entropy(x, t, classes):
    two = torch.stack([torch.zeros_like(x), x], 1)
    return F.cross_entropy(two, t.long(), weight=torch.tensor(classes))


def focal(x, t, gamma, alpha=None):
    each = F.binary_cross_entropy_with_logits(x, t, reduction="none")
    right = torch.where(t > 0, torch.sigmoid(x), 1 - torch.sigmoid(x))
    each = (1 - right) ** gamma * each
    if alpha is not None:
        each = torch.where(t > 0, alpha, 1 - alpha) * each
    return each.mean()


def groups(x, over):
    return x.flatten(1) if over == "image" else x.reshape(1, -1)


def dice(x, t, smooth, squared, over):
    p, t = groups(torch.sigmoid(x), over), groups(t, over)
    under = (p**2 + t**2).sum(1) if squared else (p + t).sum(1)
    return (1 - (2 * (p * t).sum(1) + smooth) / (under + smooth)).mean()


def jaccard(x, t, smooth, over):
    p, t = groups(torch.sigmoid(x), over), groups(t, over)
    both = (p * t).sum(1)
    return (1 - (both + smooth) / ((p + t).sum(1) - both + smooth)).mean()


def tversky(x, t, alpha, beta, smooth, over):
    p, t = groups(torch.sigmoid(x), over), groups(t, over)
    both, extra, missed = (p * t).sum(1), (p * (1 - t)).sum(1), ((1 - p) * t).sum(1)
    return (1 - (both + smooth) / (both + alpha * extra + beta * missed + smooth)).mean()


def lovasz(x, t, over):
    def hinge(x, t):
        errors = 1 - x * (2 * t - 1)
        errors, order = torch.sort(errors, descending=True)
        t = t[order]
        jaccard = 1 - (t.sum() - t.cumsum(0)) / (t.sum() + (1 - t).cumsum(0))
        jaccard = torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
        return (F.relu(errors) * jaccard).sum()

    rows = list(zip(groups(x, over), groups(t, over)))
    return sum((hinge(x, t) + hinge(-x, 1 - t)) / 2 for x, t in rows) / len(rows)


# as in a recipe: terms on the map, terms on the score
LOSSES = {
    "bce": ([{"kind": "bce"}], []),
    "bce, positives": ([{"kind": "bce", "positive": 3.0}], [{"kind": "bce", "weight": 0.5}]),
    "cross-entropy": ([{"kind": "cross-entropy", "classes": [0.3, 2.0]}], []),
    "focal": ([{"kind": "focal"}], [{"kind": "focal", "gamma": 1.5, "alpha": 0.25}]),
    "dice": ([{"kind": "dice"}], []),
    "dice, squared, over the batch": ([{"kind": "dice", "squared": True, "over": "batch", "smooth": 0.01}], []),
    "jaccard": ([{"kind": "jaccard"}], []),
    "tversky": ([{"kind": "tversky", "alpha": 0.3, "beta": 0.7}], []),
    "lovasz": ([{"kind": "lovasz"}], []),
    "lovasz over the batch": ([{"kind": "lovasz", "over": "batch"}], []),
    "bce, dice and focal": ([{"kind": "bce", "weight": 3.0}, {"kind": "dice"}, {"kind": "focal", "weight": 4.0}], []),
}


def term(spec, x, t):
    spec = dict(spec)
    kind, weight = spec.pop("kind"), spec.pop("weight", 1.0)
    over = spec.get("over", "image")
    value = {
        "bce": lambda: bce(x, t, spec.get("positive", 1.0)),
        "cross-entropy": lambda: cross_entropy(x, t, spec["classes"]),
        "focal": lambda: focal(x, t, spec.get("gamma", 2.0), spec.get("alpha")),
        "dice": lambda: dice(x, t, spec.get("smooth", 1.0), spec.get("squared", False), over),
        "jaccard": lambda: jaccard(x, t, 1.0, over),
        "tversky": lambda: tversky(x, t, spec["alpha"], spec["beta"], 1.0, over),
        "lovasz": lambda: lovasz(x, t, over),
    }[kind]()
    return weight * value


def loss(terms, answers, truth):
    return sum(term(spec, x, t) for specs, x, t in zip(terms, answers, truth) for spec in specs)


def summary(tensor):
    """A fingerprint of a tensor: its norm, its sum, and its first and last number."""
    flat = tensor.detach().double().flatten()
    return [flat.norm().item(), flat.sum().item(), flat[0].item(), flat[-1].item()]


OPTIMIZERS = {
    "sgd": ({"kind": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}, 0.05),
    "sgd without momentum, clipped": ({"kind": "sgd", "clip": 0.05}, 0.3),
    "adam": ({"kind": "adam", "weight_decay": 0.02}, 0.01),
    "adam, clipped": ({"kind": "adam", "clip": 0.1, "betas": [0.8, 0.95], "epsilon": 1e-6}, 0.01),
    "adamw": ({"kind": "adamw", "weight_decay": 0.1}, 0.01),
}


def optimizer(spec, lr, parameters):
    spec = dict(spec)
    kind = spec.pop("kind")
    spec.pop("clip", None)
    if "epsilon" in spec:
        spec["eps"] = spec.pop("epsilon")
    return {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind](parameters, lr=lr, **spec)


def main():
    torch.manual_seed(3)
    net = Net()
    with torch.no_grad():
        for norm in (net.bn1, net.bn2, net.bn3):
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.uniform_(-0.3, 0.3)
            norm.running_mean.uniform_(-0.2, 0.2)
            norm.running_var.uniform_(0.5, 1.5)
    image, mask, label = batch(0)
    torch.onnx.export(
        copy.deepcopy(net), (image,), "../golden/steps.onnx", input_names=["image"], output_names=["map", "score"],
        opset_version=17, training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False, dynamo=False,
        dynamic_axes={"image": {0: "batch", 2: "height", 3: "width"}},
    )
    # the exporter runs the network in training mode, which changes its copy's running statistics
    model = onnx.load("../golden/steps.onnx")
    for tensor in model.graph.initializer:
        if "running" in tensor.name:
            tensor.CopyFrom(numpy_helper.from_array(net.state_dict()[tensor.name].numpy(), tensor.name))
    onnx.save(model, "../golden/steps.onnx")
    golden = {"losses": [], "optimizers": []}
    for name, terms in LOSSES.items():
        one = copy.deepcopy(net)
        value = loss(terms, one(image), (mask, label))
        value.backward()
        found = {key: summary(p.grad) for key, p in one.named_parameters() if p.grad is not None}
        statistics = {key: summary(b) for key, b in one.named_buffers() if "running" in key}
        golden["losses"].append(
            {"name": name, "map": terms[0], "score": terms[1], "loss": value.item(), "gradients": found, "statistics": statistics}
        )
    terms = ([{"kind": "bce"}, {"kind": "dice"}], [{"kind": "bce", "weight": 0.3}])
    for name, (spec, lr) in OPTIMIZERS.items():
        for passes in (1, 2):
            one = copy.deepcopy(net)
            average = copy.deepcopy(one)
            steps = optimizer(spec, lr, one.parameters())
            values = []
            for step in range(10):
                steps.zero_grad()
                for part in range(passes):
                    image, mask, label = batch(step * passes + part)
                    value = loss(terms, one(image), (mask, label))
                    (value / passes).backward()
                    values.append(value.item())
                if "clip" in spec:
                    torch.nn.utils.clip_grad_norm_(one.parameters(), spec["clip"])
                steps.step()
                with torch.no_grad():
                    for mean, p in zip(average.parameters(), one.parameters()):
                        mean.mul_(0.7).add_(p, alpha=0.3)
            assert all(math.isfinite(value) for value in values)
            golden["optimizers"].append({
                "name": name, "optimizer": spec, "lr": lr, "passes": passes, "losses": values,
                "weights": {key: summary(p) for key, p in one.named_parameters()},
                "average": {key: summary(p) for key, p in average.named_parameters()},
                "statistics": {key: summary(b) for key, b in one.named_buffers() if "running" in key},
            })
    text = json.dumps(golden, separators=(",", ":"))
    text = json.dumps(json.loads(text, parse_float=lambda number: float(f"{float(number):.7g}")), separators=(",", ":"))
    with open("../golden/steps.json.gz", "wb") as file:
        file.write(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()

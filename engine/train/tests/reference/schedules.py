"""Learning rates of PyTorch's schedulers, for `src/schedule/tests.rs`: python schedules.py > schedules.json

Each case holds a recipe's phase, the validation losses (for `plateau`) or none, the steps of an epoch, and the rate of
each step, epoch by epoch. A recipe's numbers are in single precision, so they are rounded to it for PyTorch.
"""

import json
import math
import warnings

import numpy as np
import torch
from torch.optim import lr_scheduler as sched

warnings.filterwarnings("ignore")  # the optimiser is never stepped


def single(x):
    return float(np.float32(x))


def optimizer(lr):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def by_epoch(phase, make, losses):
    """The rate at the start of each epoch."""
    opt = optimizer(single(phase["lr"]))
    scheduler = make(opt)
    rates = []
    for epoch in range(phase["epochs"]):
        rates.append(opt.param_groups[0]["lr"])
        scheduler.step(*([losses[epoch]] if losses else []))
    return rates


def warmed(phase, rates, steps):
    """The rates of each step, by PyTorch's LinearLR stepped once a step."""
    if "warmup" not in phase:
        return [rate for rate in rates for _ in range(steps)]
    opt = optimizer(1.0)
    linear = sched.LinearLR(opt, single(phase["warmup"]["from"]), 1.0, phase["warmup"]["steps"])
    out = []
    for rate in rates:
        for _ in range(steps):
            out.append(rate * opt.param_groups[0]["lr"])
            linear.step()
    return out


def case(name, phase, make, losses=None, steps=1):
    phase = {"size": [64, 64], "batch": 2, **phase}
    rates = warmed(phase, by_epoch(phase, make, losses), steps)
    return {"name": name, "phase": phase, "losses": losses or [], "steps": steps, "rates": rates}


def falling(n):
    return [1 / (1 + i) for i in range(n)]


# falls, stays, falls by less than the threshold, falls, rises, stays
BUMPY = [1.0, 0.8, 0.8, 0.79999, 0.7, 0.71, 0.72, 0.7, 0.7, 0.7, 0.7, 0.69999, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]

CASES = [
    case("constant", {"epochs": 5, "lr": 1e-3, "schedule": {"kind": "constant"}},
         lambda o: sched.ConstantLR(o, 1.0)),
    case("cosine over the phase", {"epochs": 12, "lr": 5e-4, "schedule": {"kind": "cosine"}},
         lambda o: sched.CosineAnnealingLR(o, 12)),
    case("cosine and back, the winner's", {"epochs": 26, "lr": 1e-5, "schedule": {"kind": "cosine", "min": 1e-7, "period": 8}},
         lambda o: sched.CosineAnnealingLR(o, 8, single(1e-7))),
    case("sgdr of growing cycles", {"epochs": 44, "lr": 5e-4, "schedule": {"kind": "sgdr", "period": 5, "factor": 2, "min": 1e-5}},
         lambda o: sched.CosineAnnealingWarmRestarts(o, 5, 2, single(1e-5))),
    case("sgdr of equal cycles", {"epochs": 20, "lr": 1e-3, "schedule": {"kind": "sgdr", "period": 6}},
         lambda o: sched.CosineAnnealingWarmRestarts(o, 6)),
    case("steps, one of them twice", {"epochs": 12, "lr": 1e-2, "schedule": {"kind": "step", "at": [3, 8, 8], "factor": 0.3}},
         lambda o: sched.MultiStepLR(o, [3, 8, 8], single(0.3))),
    case("a step at the start", {"epochs": 4, "lr": 1e-2, "schedule": {"kind": "step", "at": [2, 0]}},
         lambda o: sched.MultiStepLR(o, [2, 0], single(0.1))),
    case("plateau, impatient", {"epochs": 20, "lr": 1e-4, "schedule": {"kind": "plateau"}},
         lambda o: sched.ReduceLROnPlateau(o, factor=single(0.1), patience=0), BUMPY),
    case("plateau, first place's", {"epochs": 20, "lr": 1e-4, "schedule": {"kind": "plateau", "patience": 2}},
         lambda o: sched.ReduceLROnPlateau(o, factor=single(0.1), patience=2), BUMPY),
    case("plateau with a floor", {"epochs": 20, "lr": 1e-3, "schedule": {"kind": "plateau", "factor": 0.5, "min": 2e-4}},
         lambda o: sched.ReduceLROnPlateau(o, factor=single(0.5), patience=0, min_lr=single(2e-4)), BUMPY),
    case("plateau that never comes", {"epochs": 8, "lr": 1e-3, "schedule": {"kind": "plateau"}},
         lambda o: sched.ReduceLROnPlateau(o, factor=single(0.1), patience=0), falling(8)),
    case("warm-up within an epoch", {"epochs": 3, "lr": 1e-3, "warmup": {"steps": 4, "from": 0.1}},
         lambda o: sched.ConstantLR(o, 1.0), steps=6),
    case("warm-up over a cosine, longer than an epoch",
         {"epochs": 5, "lr": 1e-3, "schedule": {"kind": "cosine", "min": 1e-5}, "warmup": {"steps": 7, "from": 0.25}},
         lambda o: sched.CosineAnnealingLR(o, 5, single(1e-5)), steps=3),
]

assert all(math.isfinite(rate) for case in CASES for rate in case["rates"])
print("[\n" + ",\n".join(json.dumps(case) for case in CASES) + "\n]")

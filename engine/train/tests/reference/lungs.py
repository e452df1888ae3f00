"""Trains ensembles/recipes/lungs.toml in PyTorch, for comparison with `pleura train`.

    python lungs.py OUT [--folds 0 1 ...] [--seed N] [--threads N]

The recipe is read for images, folds, network, losses, augmentations and schedule. Only random numbers cannot agree:
weights (from the same distributions), batches, augmentations. Prints for each fold the held-out mean Dice at a
threshold of 0.5, at the size of the last phase, after the last epoch. Appends to OUT/lungs.jsonl.
"""

import argparse
import csv
import json
import math
import time
import tomllib
from pathlib import Path

import cv2
import numpy as np
import segmentation_models_pytorch as smp
import torch
from torch import nn
from torch.nn import functional as F

RECIPE = Path(__file__).parents[4] / "ensembles/recipes/lungs.toml"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--folds", type=int, nargs="*")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    recipe = tomllib.loads(RECIPE.read_text())
    seed = recipe["seed"] if args.seed is None else args.seed
    sizes = [read(recipe, phase["size"]) for phase in recipe["phases"]]
    with open(RECIPE.parent / recipe["folds"]["csv"]) as file:
        folds = {row["ImageId"]: int(row["fold"]) for row in csv.DictReader(file)}
    args.out.mkdir(parents=True, exist_ok=True)
    for fold in args.folds or range(recipe["folds"]["count"]):
        training = [[it for id, it in samples.items() if folds[id] != fold] for samples in sizes]
        held_out = [[it for id, it in samples.items() if folds[id] == fold] for samples in sizes]
        result = {"fold": fold, "seed": seed, **train(recipe, training, held_out, seed * 1000 + fold)}
        with open(args.out / "lungs.jsonl", "a") as file:
            print(json.dumps(result), file=file)


# --- data


def read(recipe, size):
    """Images and masks by id, at a phase's size."""
    (images,) = recipe["data"]["images"]
    masks = RECIPE.parent / recipe["data"]["truth"]["folder"]
    assert recipe["data"]["intensity"] == {"kind": "stored"} and recipe["data"]["resize"] == "area"
    width_height = tuple(reversed(size))
    samples = {}
    for path in sorted((RECIPE.parent / images).glob("*.png")):
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255
        mask = (cv2.imread(str(masks / path.name), cv2.IMREAD_GRAYSCALE) > 127).astype(np.float32)
        image, mask = (cv2.resize(it, width_height, interpolation=cv2.INTER_AREA) for it in (image, mask))
        samples[path.stem] = image, (mask >= 0.5).astype(np.float32)
    return samples


def augment(recipe, image, mask, draw):
    for step in recipe["augment"]:
        (transform,) = step["one_of"]
        if draw.random() >= step.get("p", 1.0):
            continue
        if transform["kind"] == "hflip":
            image, mask = image[:, ::-1].copy(), mask[:, ::-1].copy()
        else:
            assert transform["kind"] == "shift-scale-rotate"
            image, mask = shift_scale_rotate(image, mask, transform, draw)
    return image, mask


def shift_scale_rotate(image, mask, limits, draw):
    height, width = image.shape
    turn = draw.uniform(-limits["degrees"], limits["degrees"])
    scale = 1 + draw.uniform(-limits["scale"], limits["scale"])
    right, down = draw.uniform(-limits["shift"], limits["shift"], 2) * (width, height)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), turn, scale)
    matrix[:, 2] += right, down
    warp = lambda it, how: cv2.warpAffine(it, matrix, (width, height), flags=how, borderMode=cv2.BORDER_CONSTANT)
    return warp(image, cv2.INTER_LINEAR), warp(mask, cv2.INTER_NEAREST)


def batch(recipe, samples):
    data = recipe["data"]
    images, masks = (torch.from_numpy(np.stack(part))[:, None] for part in zip(*samples))
    return (images - data["mean"][0]) / data["std"][0], masks


# --- training


def network(recipe):
    net = recipe["network"]
    kind = net["architecture"]
    assert kind["kind"] == "unet" and net["heads"] == "map"
    model = smp.Unet(
        kind["encoder"], encoder_weights=None, in_channels=net["channels"], decoder_channels=kind["decoder"]
    )
    for module in model.encoder.modules():
        if isinstance(module, nn.Conv2d):
            # smp's convolution for a grey input has PyTorch's default initialization; this is torchvision's
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model


def losses(recipe, logits, truth):
    """The loss of each image of a batch; the mean is the loss, as no term couples images."""
    total = 0
    for term in recipe["loss"]["map"]:
        if term["kind"] == "bce":
            loss = F.binary_cross_entropy_with_logits(logits, truth, reduction="none").mean((1, 2, 3))
        else:
            assert term["kind"] == "dice"
            p, smooth = logits.sigmoid(), term.get("smooth", 1)
            both, areas = (p * truth).sum((1, 2, 3)), (p + truth).sum((1, 2, 3))
            loss = 1 - (2 * both + smooth) / (areas + smooth)
        total = total + term.get("weight", 1) * loss
    return total


def train(recipe, training, held_out, seed):
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    model = network(recipe)
    assert recipe["optimizer"] == {"kind": "adam"} and recipe["keep"] == "last"
    optimizer = torch.optim.Adam(model.parameters())
    began = time.monotonic()
    for phase, training, held_out in zip(recipe["phases"], training, held_out):
        for epoch in range(phase["epochs"]):
            optimizer.param_groups[0]["lr"] = cosine(phase, epoch)
            loss = one_epoch(recipe, phase, model, optimizer, training, draw)
            valid, dice = validate(recipe, phase, model, held_out)
            print(f"epoch {epoch}: loss {loss:.4f}, held out {valid:.4f}, Dice {dice:.4f}", flush=True)
    return {"dice": dice, "loss": valid, "seconds": round(time.monotonic() - began)}


def cosine(phase, epoch):
    least = phase["schedule"]["min"]
    assert phase["schedule"]["kind"] == "cosine"
    return least + (phase["lr"] - least) * (1 + math.cos(math.pi * epoch / phase["epochs"])) / 2


def one_epoch(recipe, phase, model, optimizer, training, draw):
    model.train()
    size, total = phase["batch"], []
    order = draw.permutation(len(training))
    # an incomplete batch is left out, as by the trainer
    for first in range(0, len(order) - size + 1, size):
        shown = [augment(recipe, *training[index], draw) for index in order[first : first + size]]
        images, truth = batch(recipe, shown)
        loss = losses(recipe, model(images), truth).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total.append(loss.item())
    return float(np.mean(total))


@torch.no_grad()
def validate(recipe, phase, model, held_out):
    model.eval()
    images, truth = batch(recipe, held_out)
    parts = zip(images.split(phase["batch"]), truth.split(phase["batch"]))
    loss, dice = [], []
    for images, truth in parts:
        logits = model(images)
        loss += losses(recipe, logits, truth).tolist()
        marked = (logits > 0).float()
        dice += (2 * (marked * truth).sum((1, 2, 3)) / (marked + truth).sum((1, 2, 3))).tolist()
    return float(np.mean(loss)), float(np.mean(dice))


if __name__ == "__main__":
    main()

"""Augmented images a second on one core, pleura against albumentations, in turns.

    cargo build --release -p pleura-train --example augment_speed
    pip install -r engine/train/benches/augment/requirements.txt
    python engine/train/benches/augment/bench.py target/release/examples/augment_speed RECIPE IMAGE [SIDE] [COUNT]

The transforms are those of the first place's recipes (ensembles/siim-1st/recipes): a flip; contrast, gamma or
brightness; an elastic, grid or optical distortion; shift, scale and rotate. albumentations gets bytes, which it is
fastest with, and 32-bit floats, which networks take; pleura computes in floats.
"""

import re
import statistics
import subprocess
import sys
import time

import albumentations as A
import cv2
import numpy as np

ROUNDS = 5


def transforms():
    return A.Compose([
        A.HorizontalFlip(p=0.5),
        A.OneOf([
            A.RandomBrightnessContrast(brightness_limit=0, contrast_limit=0.2, p=1),
            A.RandomGamma(gamma_limit=(80, 120), p=1),
            A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0, p=1),
        ], p=0.3),
        A.OneOf([
            A.ElasticTransform(alpha=120, sigma=6, p=1),
            A.GridDistortion(distort_limit=0.3, p=1),
            A.OpticalDistortion(distort_limit=2, p=1),
        ], p=0.3),
        A.Affine(
            translate_percent=(-0.0625, 0.0625), scale=(0.9, 1.1), rotate=(-45, 45),
            border_mode=cv2.BORDER_REFLECT_101, p=0.5,
        ),
    ], seed=1)


def theirs(image, mask, count):
    augment = transforms()
    start = time.perf_counter()
    for _ in range(count):
        augment(image=image, mask=mask)
    return count / (time.perf_counter() - start)


def ours(command):
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.match(r"[\d.]+", said)[0])


def main():
    program, recipe, path = sys.argv[1:4]
    side, count = [int(text) for text in (sys.argv[4:] + ["512", "400"][len(sys.argv) - 4:])]
    cv2.setNumThreads(1)
    grey = cv2.resize(cv2.imread(path, cv2.IMREAD_GRAYSCALE), (side, side), interpolation=cv2.INTER_AREA)
    mask = (grey > 153).astype(np.uint8)
    floats = grey.astype(np.float32) / 255
    rates = {"pleura": [], "albumentations, bytes": [], "albumentations, floats": []}
    for _ in range(ROUNDS):
        rates["pleura"].append(ours([program, recipe, path, str(side), str(count)]))
        rates["albumentations, bytes"].append(theirs(grey, mask, count))
        rates["albumentations, floats"].append(theirs(floats, mask, count))
    for name, values in rates.items():
        print(f"{name:24} {statistics.median(values):7.1f} images/s ({min(values):.1f} to {max(values):.1f})")
    own = statistics.median(rates["pleura"])
    for name in list(rates)[1:]:
        print(f"pleura / {name}: {own / statistics.median(rates[name]):.2f}")


main()

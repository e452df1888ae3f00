#!/usr/bin/env python3
"""Makes the reference of plugins/convex-hull with scikit-image.

    pip install scikit-image numpy
    python3 tests/reference/scikit_plugins.py

Masks are made here from a fixed seed; the Rust test compares with the small drawings, so that it runs without Python.
"""

import json
import pathlib

import numpy as np
import skimage
from scipy import ndimage
from skimage.morphology import convex_hull_image, convex_hull_object

ROOT = pathlib.Path(__file__).resolve().parents[2] / "plugins"


def rows(mask):
    return ["".join("#" if pixel else "." for pixel in row) for row in mask]


def masks():
    """Blobs, specks, slanted lines, a full mask and a single pixel."""
    random = np.random.default_rng(20190904)
    for _ in range(15):
        height, width = random.integers(5, 26, 2)
        soft = ndimage.gaussian_filter(random.random((height, width)), float(random.choice([0.3, 1.0, 1.8])))
        yield soft > np.quantile(soft, random.choice([0.6, 0.85, 0.97]))
    for slope in (1, 2, 3, 7):
        line = np.zeros((9, 30), bool)
        line[np.arange(9), np.minimum(np.arange(9) * slope, 29)] = True
        yield line
    yield np.ones((4, 7), bool)
    one = np.zeros((5, 6), bool)
    one[4, 0] = True
    yield one


cases = [
    {
        "mask": rows(mask),
        "whole": rows(convex_hull_image(mask)),
        "corners": rows(convex_hull_object(mask, connectivity=2)),
        "sides": rows(convex_hull_object(mask, connectivity=1)),
    }
    for mask in masks()
]
lines = ",\n".join(json.dumps(case) for case in cases)
(ROOT / "convex-hull/tests/scikit.json").write_text(f"[\n{lines}\n]\n")
print("made with scikit-image", skimage.__version__)

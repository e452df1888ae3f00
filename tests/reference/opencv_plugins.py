#!/usr/bin/env python3
"""Makes the references of plugins/clahe and plugins/triplet with OpenCV.

    pip install opencv-python-headless numpy
    python3 tests/reference/opencv_plugins.py

Every picture is made here from a fixed seed; the Rust tests compare with digests and small masks, so that they run
without Python. The pictures have integer values only, from the same formula as in the tests.
"""

import json
import pathlib

import cv2
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2] / "plugins"


def radiograph(height, width):
    """Two bright blobs on a ramp, with a little grain; all in integers."""
    row, column = np.mgrid[0:height, 0:width].astype(np.int64)
    grain = (row * 7919 + column * 104729 + row * column) % 23
    ramp = row * 90 // height + column * 40 // width
    blob = 0
    for y, x, r in ((height // 3, width // 4, height // 5), (height // 2, 3 * width // 4, height // 4)):
        blob = blob + np.where((row - y) ** 2 + (column - x) ** 2 < r * r, 60, 0)
    return (ramp + blob + grain).clip(0, 255).astype(np.uint8)


def fnv1a(pixels):
    """64-bit FNV-1a of the bytes, row by row."""
    digest = 0xCBF29CE484222325
    for byte in pixels.tobytes():
        digest = ((digest ^ byte) * 0x100000001B3) % 2**64
    return f"{digest:016x}"


def clahe():
    cases = []
    for size in ((64, 64), (100, 75), (64, 60), (61, 64), (33, 129)):
        for clip, tiles in ((4.0, (8, 8)), (2.0, (4, 4)), (40.0, (3, 5)), (0.5, (1, 1))):
            image = radiograph(*size)
            out = cv2.createCLAHE(clip, (tiles[1], tiles[0])).apply(image)
            cases.append({
                "size": size, "clip_limit": clip, "tiles": tiles,
                "image": fnv1a(image), "digest": fnv1a(out), "row": out[size[0] // 2].tolist(),
            })
    return cases


def contours():
    random = np.random.default_rng(20190904)
    cases = []
    for number in range(24):
        height, width = random.integers(6, 40, 2)
        grain = random.random((height, width)).astype(np.float32)
        soft = cv2.GaussianBlur(grain, (0, 0), float(random.choice([0.6, 1.0, 1.8])))
        mask = (soft > np.quantile(soft, random.choice([0.3, 0.5, 0.7]))).astype(np.uint8)
        area = float(random.choice([0, 1.5, 4, 10, 25, 60]))
        found, _ = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
        kept = [contour for contour in found if cv2.contourArea(contour) > area]
        out = cv2.drawContours(np.zeros_like(mask), kept, -1, 1, -1)
        cases.append({"area": area, "mask": rows(mask), "kept": rows(out)})
    return cases


def rows(mask):
    return ["".join("#" if pixel else "." for pixel in row) for row in mask]


def write(path, cases):
    path.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(case) for case in cases)
    path.write_text(f"[\n{lines}\n]\n")


write(ROOT / "clahe/tests/opencv.json", clahe())
write(ROOT / "triplet/tests/opencv.json", contours())
print("made with OpenCV", cv2.__version__)

#!/usr/bin/env python3
"""Makes the reference of engine/image/src/resize/area.rs with OpenCV.

    pip install opencv-python-headless numpy
    python3 tests/reference/area.py

The pictures have integer values, from the same formula as in the Rust test; sizes are those of networks, scaled down
for a small file, and random ones.
"""

import json
import pathlib

import cv2
import numpy as np

OUT = pathlib.Path(__file__).resolve().parents[2] / "engine/image/src/resize/area.json"
# The ratios of 1024 to 224, 320, 384, 480, 512, 640, 768, 800 and 896: 32 pixels to 7, 10, 12, 15, 16, …
RATIOS = [((32, 32), (to, to)) for to in (7, 10, 12, 15, 16, 20, 24, 25, 28)]
EDGES = [
    ((5, 5), (2, 2)), ((1, 9), (1, 4)), ((9, 1), (4, 1)), ((7, 3), (1, 1)), ((1, 1), (3, 5)), ((2, 2), (5, 7)),
    ((12, 8), (3, 4)), ((12, 8), (3, 8)), ((8, 12), (16, 6)), ((12, 8), (5, 13)), ((1025, 3), (1024, 2)),
]


def picture(height, width):
    row, column = np.mgrid[0:height, 0:width].astype(np.int64)
    return ((row * 7919 + column * 104729 + row * column * 31) % 256).astype(np.float32) / np.float32(255)


def main():
    random = np.random.default_rng(20190904)
    others = [tuple(tuple(map(int, random.integers(1, 28, 2))) for _ in range(2)) for _ in range(24)]
    cases = []
    for start, to in RATIOS + EDGES + others:
        small = cv2.resize(picture(*start), to[::-1], interpolation=cv2.INTER_AREA).reshape(to)
        cases.append({"from": start, "to": to, "millionths": [round(float(value) * 1e6) for value in small.ravel()]})
    OUT.write_text("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")
    print(f"OpenCV {cv2.__version__}: {len(cases)} cases in {OUT}")


if __name__ == "__main__":
    main()

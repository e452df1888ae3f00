#!/usr/bin/env python3
"""Makes the references of engine/train/src/data/augment with OpenCV.

    pip install opencv-python-headless numpy
    python3 engine/train/tests/reference/augment.py

The picture has integer values only, from the same formula as in the Rust test.
"""

import json
import pathlib

import cv2
import numpy as np

HEIGHT, WIDTH = 30, 40
OUT = pathlib.Path(__file__).resolve().parents[2] / "src/data/augment/opencv.json"


def picture():
    """A bright blob on a ramp, with a little grain; 8 bits."""
    row, column = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.int64)
    grain = (row * 7919 + column * 104729 + row * column) % 23
    blob = np.where((row - 11) ** 2 + (column - 25) ** 2 < 64, 90, 0)
    return (row * 2 + column + grain + blob).clip(0, 255).astype(np.uint8)


BORDERS = {
    "constant": cv2.BORDER_CONSTANT,
    "replicate": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT,
    "reflect-101": cv2.BORDER_REFLECT_101,
    "wrap": cv2.BORDER_WRAP,
}


def brightness_contrast(grey, alpha, beta):
    """What albumentations 0.3 documents for 8 bits: multiplied by 1 + alpha, plus beta of the mean that it had."""
    changed = grey.astype(np.float32) * np.float32(1 + alpha) + np.float32(beta * grey.mean())
    return changed.clip(0, 255).astype(np.uint8).astype(np.float32) / 255


def affine(image, degrees, scale, down, right, border):
    matrix = cv2.getRotationMatrix2D(((WIDTH - 1) / 2, (HEIGHT - 1) / 2), degrees, scale)
    matrix[:, 2] += (right, down)
    return cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=BORDERS[border])


def lens(image, k, border):
    camera = np.array([[WIDTH, 0, WIDTH / 2], [0, HEIGHT, HEIGHT / 2], [0, 0, 1]], np.float64)
    distortion = np.array([k, k, 0, 0, 0], np.float64)
    x, y = cv2.initUndistortRectifyMap(camera, distortion, None, camera, (WIDTH, HEIGHT), cv2.CV_32FC1)
    return cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=BORDERS[border])


def main():
    grey = picture()
    image = grey.astype(np.float32) / 255
    cases = {
        "blur 3": cv2.blur(image, (3, 3)),
        "blur 9": cv2.blur(image, (9, 9)),
        "median 3": cv2.medianBlur(grey, 3).astype(np.float32) / 255,
        "median 7": cv2.medianBlur(grey, 7).astype(np.float32) / 255,
        "contrast": brightness_contrast(grey, 0.25, 0),
        "brightness": brightness_contrast(grey, 0, -0.2),
        "brightness and contrast": brightness_contrast(grey, -0.15, 0.3),
    }
    for border in BORDERS:
        cases[f"affine, {border}"] = affine(image, 30.0, 0.7, 2.5, -4.0, border)
        cases[f"lens in, {border}"] = lens(image, 0.6, border)
        cases[f"lens out, {border}"] = lens(image, -0.6, border)
    # rows at the border and in the middle are enough
    rows = {name: [[round(float(v), 5) for v in out[row]] for row in (0, 14, 29)] for name, out in cases.items()}
    OUT.write_text(json.dumps(rows, separators=(",", ":")).replace("]],", "]],\n") + "\n")


if __name__ == "__main__":
    main()

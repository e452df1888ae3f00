"""Small synthetic radiographs, the same on every run."""

import numpy as np
from PIL import Image


def radiograph(height, width, seed, high=255, border=(0, 0, 0, 0), holes=()):
    """Integers in 1..high: two dark lungs, a few waves and noise. `border` is black rows above and below and black
    columns left and right; each of `holes` is (top, left, height, width) and black."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:height * 1j, -1:1:width * 1j]
    lungs = sum(np.exp(-(((x - center) / 0.35) ** 4) - ((y / 0.75) ** 4)) for center in (-0.45, 0.45))
    values = 0.65 - 0.4 * lungs + 0.04 * random.standard_normal((height, width))
    for _ in range(5):
        down, right, phase = random.uniform(-9, 9, 2).tolist() + [random.uniform(0, 2 * np.pi)]
        values += 0.07 * np.sin(down * y + right * x + phase)
    image = np.clip(np.rint(values * high), 1, high).astype(np.uint8 if high < 256 else np.uint16)
    top, bottom, left, right = border
    inside = np.zeros(image.shape, bool)
    inside[top:height - bottom, left:width - right] = True
    for top, left, rows, columns in holes:
        inside[top:top + rows, left:left + columns] = False
    return np.where(inside, image, 0).astype(image.dtype)


def save(image, file):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(file, optimize=True)

"""OHIF shows the segment on the pixels of the mask: a flipped or shifted one would not pass."""

import io
import json

import highdicom
import numpy as np
import pydicom
from PIL import Image
from playwright.sync_api import sync_playwright

VIEWER = "http://127.0.0.1:3000"
ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]


def segmentations(clinic):
    found = [pydicom.dcmread(path) for path in clinic.results.glob("*.dcm")]
    return [one for one in found if one.Modality == "SEG"]


def mask_of(seg) -> np.ndarray:
    read = highdicom.seg.segread(io.BytesIO(written(seg)))
    source = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
    return read.get_pixels_by_source_instance(source_sop_instance_uids=[source])[0, :, :, 0] > 0


def written(data) -> bytes:
    buffer = io.BytesIO()
    data.save_as(buffer)
    return buffer.getvalue()


def shown(study: str, to) -> tuple[np.ndarray, np.ndarray]:
    """The viewer's image area without and with the segment, as RGB."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{VIEWER}/segmentation?StudyInstanceUIDs={study}", wait_until="load", timeout=120_000)
        name = page.get_by_text("Pneumothorax (AI segmentation)").first
        name.wait_for(timeout=90_000)
        canvas = page.locator("canvas").first
        canvas.wait_for(timeout=90_000)
        page.wait_for_timeout(5_000)
        before = Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")
        name.dblclick()
        page.wait_for_timeout(10_000)
        page.screenshot(path=str(to / "whole.png"))
        after = Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")
        before.save(to / "before.png")
        after.save(to / "after.png")
        browser.close()
    assert not errors, errors
    return np.asarray(before).astype(int), np.asarray(after).astype(int)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / max(1, a.sum() + b.sum())


def test_the_segment_is_where_the_mask_is(clinic, tmp_path):
    # the largest one
    seg = max(segmentations(clinic), key=lambda one: mask_of(one).sum())
    mask = mask_of(seg)
    before, after = shown(seg.StudyInstanceUID, tmp_path)
    # colours are the segment's: the radiograph is grey
    colour = after.max(axis=2) - after.min(axis=2) > 20
    height, width = colour.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = colour[top : top + side, left : left + side]
    at = (np.arange(side) + 0.5) * mask.shape[0] / side
    expected = mask[np.ix_(at.astype(int), at.astype(int))]
    figures = {
        "as it is": dice(square, expected),
        "left is right": dice(square, expected[:, ::-1]),
        "upside down": dice(square, expected[::-1]),
        "shifted": dice(square, np.roll(expected, side // 20, axis=(0, 1))),
    }
    print(json.dumps(figures), tmp_path)
    assert figures["as it is"] > 0.85, figures
    assert max(value for name, value in figures.items() if name != "as it is") < 0.8, figures

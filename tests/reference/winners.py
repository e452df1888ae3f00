#!/usr/bin/env python3
"""Makes tests/golden/winners.json: cases on every boundary of the winners' ensembles, and their masks.

    pip install numpy scipy opencv-python-headless
    python3 tests/reference/winners.py

A case is a synthetic output of each network for one image; its mask is computed here in plain NumPy, SciPy and OpenCV,
from the known winners' solutions (`siim/`). tests/winners.rs gives the same outputs to the program, with models that
recognize the case by its image, and expects the same masks pixel for pixel.
"""

import importlib
import json
import pathlib
import sys

import cv2
import numpy
import scipy

from siim.answers import Answers, runs

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden/winners.json"
PLACES = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "eleventh"]


def golden(ensemble):
    """One ensemble's cases with their masks."""
    cases = []
    for name, said in ensemble.cases():
        mask = ensemble.mask(Answers(said, ensemble.frame))
        assert mask.shape == (1024, 1024), (ensemble.manifest, mask.shape)
        cases.append({"name": name, "answers": said, "mask": runs(mask)})
        print(f"{ensemble.manifest}: {name}: {mask.sum()} pixels")
    networks = {}
    for it in ensemble.networks:
        networks[it.name] = {"size": it.size, "snapshots": len(it.weights)} | ({"frame": it.frame} if it.frame else {})
    said = {"frame": ensemble.frame, "image": getattr(ensemble, "image", (128, 128)), "networks": networks}
    for key in ("thresholds", "stack"):
        if hasattr(ensemble, key):
            said[key] = getattr(ensemble, key)
    return said | {"cases": cases}


def text(table):
    """One line per case."""
    blocks = []
    for manifest, ensemble in table.items():
        cases = ",\n   ".join(json.dumps(case, separators=(",", ":")) for case in ensemble.pop("cases"))
        head = json.dumps(ensemble)[1:-1]
        blocks.append(f' {json.dumps(manifest)}: {{{head},\n  "cases": [\n   {cases}\n  ]}}')
    return "{\n" + ",\n".join(blocks) + "\n}\n"


if __name__ == "__main__":
    table = {}
    for place in sys.argv[1:] or PLACES:
        for ensemble in importlib.import_module(f"siim.{place}").ENSEMBLES:
            table[ensemble.manifest] = golden(ensemble)
    GOLDEN.write_text(text(table))
    print(f"made with NumPy {numpy.__version__}, SciPy {scipy.__version__}, OpenCV {cv2.__version__}")

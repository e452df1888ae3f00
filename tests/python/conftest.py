"""The demo's ensemble and images, made by the program that the wheel holds."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pleura

ROOT = Path(__file__).parents[2]


def program():
    """The command `pleura` of this environment."""
    return [sys.executable, "-m", "pleura"]


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """A folder with `radiographs`, `truth.csv`, and `ensemble/demo.toml`."""
    folder = tmp_path_factory.mktemp("demo")
    command = [*program(), "demo", "--out", str(folder / "demo"), "--images", "8", "--device", "cpu", "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "demo"


@pytest.fixture(scope="session")
def images(demo):
    return sorted((demo / "radiographs").glob("*.dcm"))


@pytest.fixture(scope="session")
def manifest(demo):
    return demo / "ensemble" / "demo.toml"


@pytest.fixture(scope="session")
def ensemble(manifest):
    return pleura.Ensemble(manifest, device="cpu", threads=2, maps=True)

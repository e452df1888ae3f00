"""Images, what the command makes of them, and the scripts of `ensembles/cluster` as processes."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.dataset
import pytest

SCRIPTS = Path(__file__).parents[2] / "ensembles" / "cluster"
sys.path.insert(0, str(SCRIPTS))


def pleura(*arguments, exits=0):
    """Runs the command `pleura`."""
    command = [sys.executable, "-m", "pleura", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == exits, done.stderr
    return done


def results(*arguments, exits=0):
    """Runs `results.py`; returns what it prints."""
    command = [sys.executable, str(SCRIPTS / "results.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == exits, done.stderr
    return done.stderr


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """A folder with 12 `radiographs` and `ensemble/demo.toml`."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    pleura("demo", "--out", folder, "--images", 12, "--device", "cpu", "--threads", 1)
    return folder


@pytest.fixture(scope="session")
def manifest(demo):
    return demo / "ensemble" / "demo.toml"


@pytest.fixture(scope="session")
def images(demo):
    return sorted((demo / "radiographs").glob("*.dcm"))


@pytest.fixture(scope="session")
def many(images, tmp_path_factory):
    """A folder of 384 images: 32 copies of each, under UIDs of their own."""
    folder = tmp_path_factory.mktemp("many") / "radiographs"
    folder.mkdir()
    for image in images:
        content = image.read_bytes()
        for copy in range(32):
            (folder / f"{image.stem}-{copy:02}.dcm").write_bytes(renamed(content, copy))
    return folder


def renamed(content, copy):
    """A DICOM file's content with other UIDs of the same length."""
    return re.sub(rb"2\.25\.\d+", lambda uid: uid[0][:-4] + b"%04d" % copy, content)


class Run:
    """What the command made of images: the submission, and the findings by id."""

    def __init__(self, manifest, images, folder, exits=0):
        self.csv, lines = folder / "submission.csv", folder / "findings.jsonl"
        options = ["--out", self.csv, "--findings", lines, "--device", "cpu", "--threads", 1]
        pleura("predict", manifest, images, *options, exits=exits)
        self.findings = {found["id"]: found for found in map(json.loads, lines.read_text().splitlines())}

    def requires(self, rows, tmp_path, *options, exits=0):
        """Asserts that the rows in Parquet and their submission are the command's."""
        results(rows, "--out", tmp_path / "cluster.csv", *options, exits=exits)
        assert (tmp_path / "cluster.csv").read_bytes() == self.csv.read_bytes()
        for row in table(rows):
            if row["error"] is None:
                found = self.findings[row["id"]]
                assert [row["height"], row["width"]] == found["size"]
                assert (row["area"], row["decision"]) == (found["area"], found["decision"])
                assert [row["score_low"], row["score_high"]] == pytest.approx(found["score"], rel=1e-6)


@pytest.fixture(scope="session")
def expected(manifest, many, tmp_path_factory):
    return Run(manifest, many, tmp_path_factory.mktemp("expected"))


def table(rows):
    """The rows of a folder."""
    return pyarrow.dataset.dataset(rows, format="parquet").to_table().to_pylist()


@pytest.fixture
def start():
    """Starts scripts, which end with the test at the latest."""
    scripts = []

    def start(command, log, environment=None):
        scripts.append(Script(command, log, environment or {}))
        return scripts[-1]

    yield start
    for script in scripts:
        script.kill()


class Script:
    """A script of `ensembles/cluster` that runs as a process."""

    def __init__(self, command, log, environment):
        self.log = log
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdout=log.open("w"),
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )

    def wait_for_files(self, rows, count):
        """Waits until some batches are done; returns the number of their files."""
        deadline = time.monotonic() + 240
        while len(done := files(rows)) < count:
            assert self.process.poll() is None and time.monotonic() < deadline, self.text()
            time.sleep(0.02)
        return len(done)

    def ends(self, exits=0):
        """Waits for the end; returns what was printed."""
        assert self.process.wait(400) == exits, self.text()
        return self.text()

    def kill(self):
        """Kills the script and all that it started."""
        below = descendants(self.process.pid)
        self.process.kill()
        self.process.wait()
        kill_all(below)

    def text(self):
        return self.log.read_text()


def files(rows):
    """The Parquet files of a folder of rows."""
    return sorted(rows.glob("[!_.]*.parquet"))


def descendants(process):
    """The processes that a process started, and theirs: (id, command)."""
    listed = subprocess.run(["ps", "-ewwo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    all_of = [line.split(None, 2) for line in listed.splitlines()]
    found = [(int(pid), command) for pid, parent, command in all_of if int(parent) == process]
    return found + [below for pid, _ in found for below in descendants(pid)]


def kill_all(processes):
    """Kills processes (id, command) that are still there."""
    for pid, _ in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

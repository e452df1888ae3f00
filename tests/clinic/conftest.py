"""A clinic of its own: PACS, viewer and node, started by the script that people start."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = 8
PACS = "http://127.0.0.1:8042"
NODE = "http://127.0.0.1:8080"


def get(url: str):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


def post(url: str, body: bytes) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=60) as answer:
        return answer.read()


def metric(node: str, name: str) -> int:
    for line in get(f"{node}/metrics").decode().splitlines():
        if line.startswith(f"pleura_{name} "):
            return int(line.rsplit(" ", 1)[1])
    return 0


def until(what: str, ask, patience: float = 120):
    begun = time.monotonic()
    while not (answer := ask()):
        assert time.monotonic() - begun < patience, f"not within {patience} s: {what}"
        time.sleep(0.3)
    return answer


def settled(node: str, count: int) -> bool:
    """Whether the node has answered so many images, and all results are where they go."""
    return metric(node, "finished_total") >= count and not metric(node, 'deliveries{state="waiting"}')


class Clinic:
    """Its folder, and what the PACS holds."""

    def __init__(self, folder: Path):
        self.folder = folder

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def instances(self) -> list[str]:
        return json.loads(get(f"{PACS}/instances"))

    def file(self, uid: str) -> bytes:
        [found] = json.loads(post(f"{PACS}/tools/lookup", uid.encode()))
        return get(f"{PACS}/instances/{found['ID']}/file")


@pytest.fixture(scope="session")
def clinic(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clinic")
    (folder / "ohif").symlink_to(os.environ["OHIF"])
    environment = {**os.environ, "PLEURA_IMAGES": str(IMAGES)}
    command = [str(ROOT / "ensembles/clinic/start"), str(folder)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    for line in process.stdout:
        if line.startswith("Ctrl-C"):
            break
    else:
        pytest.fail("the clinic did not start:\n" + "".join(log.read_text() for log in folder.glob("*.log")))
    until("the results are in the PACS", lambda: settled(NODE, IMAGES))
    yield Clinic(folder)
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)

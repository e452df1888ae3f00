"""`pleura serve` under load: images/s against `pleura predict` on the same files, latency at half that load, and memory.

    python3 bench.py PLEURA MANIFEST FOLDER [--rounds 5] [--seconds 30] [--many 10000]

FOLDER has DICOM files in JPEG, such as those of `pleura demo`. They are sent by dcmtk's `storescu`, four at once; latency is
that of `POST /predict`, each image with a UID of its own. The senders share this machine, as they would not in a
hospital: hence one thread of models (`--threads 1`) in both, and the processor time of the program alone. Standard library
only.
"""

import argparse
import http.client
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path


SENDERS = 4
OURS = ["--device", "cpu", "--threads", "1"]


def port_of(line: str) -> int:
    return int(line.strip().rstrip("/").rsplit(":", 1)[1])


class Node:
    """A node on free ports, whose results are sent nowhere."""

    def __init__(self, pleura: str, manifest: str, spool: Path, rules: Path):
        command = [pleura, "serve", manifest, "--spool", str(spool), "--dicom", "127.0.0.1:0", "--http", "127.0.0.1:0"]
        command += ["--rules", str(rules), *OURS]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        ports = {}
        while len(ports) < 2:
            line = self.process.stderr.readline()
            if not line:
                sys.exit("the node did not start")
            for name in ("DICOM: ", "HTTP: "):
                if name in line:
                    ports[name] = port_of(line)
        self.dicom, self.http = ports["DICOM: "], ports["HTTP: "]
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def finished(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.http)
        connection.request("GET", "/metrics", headers={"Connection": "close"})
        text = connection.getresponse().read().decode()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("pleura_finished_total "))

    def resident(self) -> float:
        """MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

    def spent(self) -> float:
        """Seconds of processor time."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class Images:
    """The folder's files, under any number of UIDs."""

    def __init__(self, files: list[Path]):
        self.files = [path.read_bytes() for path in files]
        self.uids = [uid_of(data) for data in self.files]

    def get(self, number: int) -> bytes:
        index = number % len(self.files)
        uid = self.uids[index]
        other = uid[: len(uid) - 9] + f"{100_000_000 + number}".encode()
        return self.files[index].replace(uid, other)


def uid_of(data: bytes) -> bytes:
    """MediaStorageSOPInstanceUID, which is explicit and early."""
    at = data.index(b"\x02\x00\x03\x00UI")
    length = int.from_bytes(data[at + 6 : at + 8], "little")
    return data[at + 8 : at + 8 + length].rstrip(b"\0")


def predicted(pleura: str, manifest: str, folder: Path, out: Path) -> tuple[float, float]:
    """Images/s of the whole process, and its processor seconds an image."""
    command = [pleura, "predict", manifest, str(folder), "--out", str(out / "out.csv"), "-q", *OURS]
    count = len(list(folder.iterdir()))
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    took = time.perf_counter() - begun
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return count / took, (now.ru_utime + now.ru_stime - spent.ru_utime - spent.ru_stime) / count


def stored(node: Node, folder: Path, count: int) -> tuple[float, float]:
    """Images/s from the first C-STORE to the last result, and the node's processor seconds an image."""
    before = node.finished()
    files = sorted(str(path) for path in folder.iterdir())
    command = ["storescu", "-xy", "-aec", "PLEURA", "127.0.0.1", str(node.dicom)]
    spent = node.spent()
    begun = time.perf_counter()
    senders = [subprocess.Popen([*command, *files[part::SENDERS]]) for part in range(SENDERS)]
    if any(sender.wait() for sender in senders):
        sys.exit("an image was not taken")
    while node.finished() < before + count:
        time.sleep(0.005)
    return count / (time.perf_counter() - begun), (node.spent() - spent) / count


def answered(node: Node, images: Images, first: int, rate: float, seconds: float) -> list[float]:
    """Seconds that each of the requests took that were sent at this rate, whether or not earlier ones were answered."""
    took: list[float] = []

    def ask(number: int, due: float) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", node.http)
        connection.request("POST", "/predict", images.get(number), {"Content-Type": "application/dicom"})
        answer = json.load(connection.getresponse())
        assert answer["results"][0]["state"] == "done", answer
        took.append(time.perf_counter() - due)
        connection.close()

    threads = []
    begun = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = begun + number / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        threads.append(threading.Thread(target=ask, args=(first + number, due)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    return took


def many(node: Node, images: Images, first: int, count: int) -> list[float]:
    """Memory after each tenth of the images, sent by four."""
    resident = []
    for tenth in range(10):
        numbers = iter(range(first + tenth * count // 10, first + (tenth + 1) * count // 10))
        lock = threading.Lock()

        def send() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", node.http)
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                connection.request("POST", "/predict", images.get(number), {"Content-Type": "application/dicom"})
                connection.getresponse().read()

        senders = [threading.Thread(target=send) for _ in range(4)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        resident.append(node.resident())
    return resident


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pleura")
    parser.add_argument("manifest")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--many", type=int, default=10_000)
    given = parser.parse_args()
    images = Images(sorted(given.folder.iterdir()))
    count = len(images.files)
    rounds = {"predict": [], "serve": []}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        rules = work / "rules.toml"
        rules.write_text("retention = { images = 1000, hours = 1 }\n")
        node = Node(given.pleura, given.manifest, work / "spool", rules)
        for round in range(given.rounds):
            folder = work / f"round{round}"
            folder.mkdir()
            for number in range(count):
                (folder / f"{number}.dcm").write_bytes(images.get(round * count + number))
            rounds["predict"].append(predicted(given.pleura, given.manifest, folder, work))
            rounds["serve"].append(stored(node, folder, count))
            shutil.rmtree(folder)
        for what, values in rounds.items():
            rate, spent = (statistics.median(column) for column in zip(*values))
            print(f"{what:8} {rate:8.1f} images/s, {1000 * spent:.1f} ms of processor time an image")
        pairs = list(zip(rounds["serve"], rounds["predict"]))
        for what, ratios in [
            ("images/s", [ours[0] / theirs[0] for ours, theirs in pairs]),
            ("processor time", [theirs[1] / ours[1] for ours, theirs in pairs]),
        ]:
            print(f"ratio    {statistics.median(ratios):8.2f} by {what} ({min(ratios):.2f} to {max(ratios):.2f})")
        first = given.rounds * count
        rate = statistics.median(rate for rate, _ in rounds["serve"]) / 2
        took = sorted(answered(node, images, first, rate, given.seconds))
        p50, p99 = (1000 * took[int(len(took) * part)] for part in (0.5, 0.99))
        print(f"latency  {p50:8.1f} ms p50, {p99:.1f} ms p99, of {len(took)} images at {rate:.1f} images/s")
        resident = many(node, images, first + len(took), given.many)
        print("memory   " + ", ".join(f"{value:.0f}" for value in resident) + f" MiB after each tenth of {given.many} images")
        node.stop()


if __name__ == "__main__":
    main()

"""Servers on loopback, and radiographs in them. The program is `$PLEURA`, built with `--features remote,parquet`."""

import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

ROOT = Path(__file__).parents[2]
PROGRAM = Path(os.environ.get("PLEURA", ROOT / "target/debug/pleura"))
BUCKET = "radiographs"
IMAGES = 24


def port():
    """A free port."""
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def wait_for(at, process, seconds=60):
    """Waits until a server listens."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, f"the server ended: {process.returncode}"
        with socket.socket() as it:
            if it.connect_ex(("127.0.0.1", at)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"no server on port {at}")


@pytest.fixture(scope="session")
def clean():
    """The environment without anyone's credentials."""
    left_out = ("AWS_", "AZURE_", "GOOGLE_", "DICOMWEB_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return kept | {"NO_PROXY": "127.0.0.1,localhost"}


@pytest.fixture(scope="session")
def demo(tmp_path_factory, clean):
    """Synthetic radiographs and an ensemble."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    words = [PROGRAM, "demo", "--out", folder, "--images", str(IMAGES), "--device", "cpu"]
    done = subprocess.run(words, capture_output=True, text=True, env=clean)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def images(demo):
    return sorted((demo / "radiographs").glob("*.dcm"))


@dataclass
class Done:
    """The end of a run: its exit code, what it said, and the submission's bytes if there is one."""

    code: int
    said: str
    csv: bytes | None


@dataclass
class Runner:
    demo: Path
    env: dict[str, str]

    def command(self, out, inputs, *options):
        manifest = self.demo / "ensemble" / "demo.toml"
        return [PROGRAM, "predict", manifest, *inputs, "--out", out, "--device", "cpu", *options]

    def __call__(self, out, inputs, *options, env=None):
        done = subprocess.run(
            self.command(out, inputs, *options), capture_output=True, text=True, env=self.env | (env or {}), timeout=300
        )
        return Done(done.returncode, done.stderr, out.read_bytes() if out.exists() else None)


@pytest.fixture(scope="session")
def predict(demo, clean):
    return Runner(demo, clean)


@pytest.fixture(scope="session")
def local(predict, images, tmp_path_factory):
    """The submission of the same files on this machine."""
    done = predict(tmp_path_factory.mktemp("local") / "local.csv", [images[0].parent])
    assert done.code == 0, done.said
    return done.csv


@pytest.fixture(scope="session")
def s3(images, tmp_path_factory):
    """A server of S3 with the radiographs below `in/`; its port."""
    at = port()
    log = open(tmp_path_factory.mktemp("moto") / "log", "wb")
    words = [Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", str(at)]
    process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        wait_for(at, process)
        client = s3_client(at)
        client.create_bucket(Bucket=BUCKET)
        for image in images:
            client.put_object(Bucket=BUCKET, Key=f"in/{image.name}", Body=image.read_bytes())
        client.put_object(Bucket=BUCKET, Key="in/notes.txt", Body=b"not an image")
        client.put_object(Bucket=BUCKET, Key="in/empty/", Body=b"")
        yield at
    finally:
        process.terminate()
        process.wait(10)


def s3_client(at):
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{at}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )


def s3_env(url):
    """What a user of S3 sets."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url,
        "AWS_ALLOW_HTTP": "true",
    }


@pytest.fixture(scope="session")
def azurite(tmp_path_factory):
    """A server of Azure Blob Storage; its port."""
    script = ROOT / "target/azurite/node_modules/azurite/dist/src/blob/main.js"
    assert script.exists(), f"install azurite first: `{script}` is missing"
    node = shutil.which("node")
    assert node, "Azurite needs Node.js"
    at, folder = port(), tmp_path_factory.mktemp("azurite")
    log = open(folder / "log", "wb")
    words = [node, script, "--blobHost", "127.0.0.1", "--blobPort", str(at), "--location", folder]
    words += ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        wait_for(at, process)
        yield at
    finally:
        process.terminate()
        process.wait(10)

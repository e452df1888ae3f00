"""`ray_predict.py` on a real Ray of two nodes, all of it on 127.0.0.1."""

import importlib.util
import os
import shutil
import sys
import tempfile
import time

import pytest

from conftest import SCRIPTS, Run, descendants, files, kill_all, renamed, table

if importlib.util.find_spec("ray") is None:
    pytest.skip("ray is not installed", allow_module_level=True)

# Before Ray is imported. The last line keeps Ray from replacing 127.0.0.1 by the machine's own address.
os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": os.urandom(32).hex(),
    "RAY_TMPDIR": tempfile.mkdtemp(prefix="ray", dir="/tmp"),  # sockets need a short path
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
from ray.cluster_utils import Cluster


@pytest.fixture(scope="module")
def cluster():
    """A head with two cores; tests add nodes."""
    cluster = Cluster(initialize_head=True, head_node_args=small(2))
    yield cluster
    cluster.shutdown()
    shutil.rmtree(os.environ["RAY_TMPDIR"])


def small(cores):
    return {
        "num_cpus": cores,
        "object_store_memory": 100 << 20,
        "node_ip_address": "127.0.0.1",
        "include_dashboard": False,
    }


@pytest.fixture
def predict(start, cluster, tmp_path):
    """Starts the script, whose rows go to `rows`."""

    def predict(manifest, images, actors=2):
        options = ["--out", tmp_path / "rows", "--actors", actors, "--batch", 8, "--address", cluster.address]
        return start([sys.executable, SCRIPTS / "ray_predict.py", manifest, images, *options], tmp_path / "log")

    return predict


def lose(cluster, node):
    """Kills a node and all that runs on it, while its actor predicts, as when a machine loses power."""
    [raylet] = node.all_processes["raylet"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        below = descendants(raylet.process.pid)
        if any(command.startswith("ray::MapWorker(MapBatches(Predictor)).submit") for _, command in below):
            cluster.remove_node(node, allow_graceful=False)
            kill_all(below)
            return
    raise AssertionError("the node has no actor that predicts")


def test_a_node_that_is_killed_costs_no_image(cluster, predict, manifest, many, expected, tmp_path):
    node, rows = cluster.add_node(**small(1)), tmp_path / "rows"
    script = predict(manifest, many)
    script.wait_for_files(rows, 10)
    lose(cluster, node)
    assert 10 <= len(files(rows)) < 48 and script.process.poll() is None
    said = script.ends()
    assert "submit failed" in said and "will be retried" in said, said
    assert "384 images, 0 with errors, 0 without a row" in said
    assert len(table(rows)) == 384
    expected.requires(rows, tmp_path)


def test_a_driver_that_is_killed_goes_on_from_its_files(predict, manifest, many, expected, tmp_path):
    rows = tmp_path / "rows"
    script = predict(manifest, many)
    script.wait_for_files(rows, 10)
    script.kill()
    # a file that was being written
    torn = files(rows)[0]
    torn.write_bytes(torn.read_bytes()[:-100])
    done = sum(1 for file in files(rows)[1:] for _ in table(file))
    assert 0 < done < 384
    before = {file: file.stat().st_mtime_ns for file in files(rows)[1:]}
    said = predict(manifest, many).ends()
    assert f"removed `{torn}`" in said and f"{384 - done} of 384 images to predict" in said
    assert all(file.stat().st_mtime_ns == changed for file, changed in before.items())
    expected.requires(rows, tmp_path)
    assert "0 of 384 images to predict" in predict(manifest, many).ends()


def test_an_unreadable_image_is_a_row_with_its_error_until_it_is_repaired(predict, manifest, images, tmp_path):
    folder, rows = tmp_path / "radiographs", tmp_path / "rows"
    folder.mkdir()
    for image in images:
        shutil.copy(image, folder)
    (folder / "broken.dcm").write_bytes(images[0].read_bytes()[:1000])
    said = predict(manifest, folder, actors=1).ends(exits=1)
    assert "13 images, 1 with errors, 0 without a row" in said
    [row] = [row for row in table(rows) if row["error"] is not None]
    assert row["file"] == str(folder / "broken.dcm") and "broken.dcm" in row["error"]
    assert (row["id"], row["rle"], row["area"]) == (None, None, None)
    without = Run(manifest, folder, tmp_path, exits=1)
    without.requires(rows, tmp_path, "--leave-out-errors", exits=1)

    (folder / "broken.dcm").write_bytes(renamed(images[0].read_bytes(), 7))
    said = predict(manifest, folder, actors=1).ends()
    assert "1 of 13 images to predict" in said
    Run(manifest, folder, tmp_path).requires(rows, tmp_path)


def test_an_ensemble_that_cannot_be_opened_ends_the_run(predict, manifest, images, tmp_path):
    shutil.copytree(manifest.parent, tmp_path / "ensemble")
    (tmp_path / "ensemble" / "demo" / "segmenter.onnx").unlink()
    script = predict(tmp_path / "ensemble" / "demo.toml", images[0], actors=1)
    assert "there is no such file" in script.ends(exits=2)

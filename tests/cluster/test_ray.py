"""`ray_predict.py` on a real Ray of two nodes, all of it on 127.0.0.1."""

import os
import shutil
import sys
import tempfile
import time

import pytest

from conftest import SCRIPTS, Run, Script, descendants, files, renamed, table

# Before Ray is imported. The last line keeps Ray from replacing 127.0.0.1 by the machine's own address.
os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": os.urandom(32).hex(),
    "RAY_TMPDIR": tempfile.mkdtemp(prefix="ray", dir="/tmp"),  # sockets need a short path
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
pytest.importorskip("ray")
from ray.cluster_utils import Cluster  # noqa: E402


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


def predict(cluster, manifest, *inputs, rows, actors=2):
    options = ["--out", rows, "--actors", actors, "--batch", 8, "--address", cluster.address]
    command = [sys.executable, SCRIPTS / "ray_predict.py", manifest, *inputs, *options]
    return Script(command, rows.with_suffix(".log"), {})


def busy_actor(node):
    """The actor of a node that predicts right now."""
    [raylet] = node.all_processes["raylet"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for pid, command in descendants(raylet.process.pid):
            if command.startswith("ray::MapWorker(MapBatches(Predictor)).submit"):
                return pid
    raise AssertionError("the node has no actor that predicts")


def test_a_node_that_is_killed_costs_no_image(cluster, manifest, many, expected, tmp_path):
    node, rows = cluster.add_node(**small(1)), tmp_path / "rows"
    script = predict(cluster, manifest, many, rows=rows)
    script.wait_for_files(rows, 10)
    actor = busy_actor(node)
    cluster.remove_node(node, allow_graceful=False)
    done = len(files(rows))
    assert 10 <= done < 48 and script.process.poll() is None
    assert not os.path.exists(f"/proc/{actor}")
    said = script.ends()
    assert "submit failed" in said and "will be retried" in said, said
    assert "384 images, 0 with errors, 0 without a row" in said
    assert len(table(rows)) == 384
    expected.requires(rows, tmp_path)


def test_a_driver_that_is_killed_goes_on_from_its_files(cluster, manifest, many, expected, tmp_path):
    rows = tmp_path / "rows"
    script = predict(cluster, manifest, many, rows=rows)
    script.wait_for_files(rows, 10)
    script.process.kill()
    script.process.wait()
    # a file that was being written
    torn = files(rows)[0]
    torn.write_bytes(torn.read_bytes()[:-100])
    done = sum(1 for file in files(rows)[1:] for _ in table(file))
    assert 0 < done < 384
    before = {file: file.stat().st_mtime_ns for file in files(rows)[1:]}
    said = predict(cluster, manifest, many, rows=rows).ends()
    assert f"removed `{torn}`" in said and f"{384 - done} of 384 images to predict" in said
    assert all(file.stat().st_mtime_ns == changed for file, changed in before.items())
    expected.requires(rows, tmp_path)
    assert "0 of 384 images to predict" in predict(cluster, manifest, many, rows=rows).ends()


def test_an_unreadable_image_is_a_row_with_its_error_until_it_is_repaired(cluster, manifest, images, tmp_path):
    folder, rows = tmp_path / "radiographs", tmp_path / "rows"
    folder.mkdir()
    for image in images:
        shutil.copy(image, folder)
    (folder / "broken.dcm").write_bytes(images[0].read_bytes()[:1000])
    said = predict(cluster, manifest, folder, rows=rows, actors=1).ends(exits=1)
    assert "13 images, 1 with errors, 0 without a row" in said
    [row] = [row for row in table(rows) if row["error"] is not None]
    assert row["file"] == str(folder / "broken.dcm") and "broken.dcm" in row["error"]
    assert (row["id"], row["rle"], row["area"]) == (None, None, None)
    without = Run(manifest, folder, tmp_path, exits=1)
    without.requires(rows, tmp_path, "--leave-out-errors", exits=1)

    (folder / "broken.dcm").write_bytes(renamed(images[0].read_bytes(), 7))
    said = predict(cluster, manifest, folder, rows=rows, actors=1).ends()
    assert "1 of 13 images to predict" in said
    Run(manifest, folder, tmp_path).requires(rows, tmp_path)


def test_an_ensemble_that_cannot_be_opened_ends_the_run(cluster, manifest, images, tmp_path):
    shutil.copytree(manifest.parent, tmp_path / "ensemble")
    (tmp_path / "ensemble" / "demo" / "segmenter.onnx").unlink()
    script = predict(cluster, tmp_path / "ensemble" / "demo.toml", images[0], rows=tmp_path / "rows", actors=1)
    assert "there is no such file" in script.ends(exits=2)

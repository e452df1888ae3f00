"""`spark_predict.py` on a Spark of two executors, each a process of its own, all of it on 127.0.0.1."""

import os
import signal
import sys
from pathlib import Path

import pytest

from conftest import SCRIPTS, descendants, files, table

pytest.importorskip("pyspark")

QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@pytest.fixture
def predict(start, manifest, tmp_path):
    """Starts the script, whose rows go to `rows`."""
    return lambda images: start(*command(manifest, images, tmp_path))


def command(manifest, images, folder):
    """The command, its log, and its environment."""
    environment = {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(folder / "work"),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": folder,
        "spark.executor.memory": "512m",
        # a short run
        "spark.driver.extraJavaOptions": QUICK,
        "spark.executor.extraJavaOptions": QUICK,
        "spark.sql.codegen.wholeStage": "false",
    }
    submit = [Path(sys.executable).with_name("spark-submit"), "--master", "local-cluster[2,1,512]"]
    conf = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    script = [SCRIPTS / "spark_predict.py", manifest, images, "--out", folder / "rows", "--batch", 8]
    return [*submit, *conf, *script], folder / "log", environment


def executors(script):
    found = descendants(script.process.pid)
    return [pid for pid, command in found if "CoarseGrainedExecutorBackend" in command and "java" in command]


def test_an_executor_that_is_killed_costs_no_image(predict, many, expected, tmp_path):
    rows = tmp_path / "rows"
    script = predict(many)
    script.wait_for_files(rows, 10)
    both = executors(script)
    assert len(both) == 2
    os.kill(both[0], signal.SIGKILL)
    assert 10 <= len(files(rows)) < 48
    said = script.ends()
    assert "Lost executor" in said and "Lost task" in said, said
    assert len(table(rows)) == 384
    expected.requires(rows, tmp_path)


def test_a_driver_that_is_killed_goes_on_from_its_files(predict, many, expected, tmp_path):
    rows = tmp_path / "rows"
    script = predict(many)
    script.wait_for_files(rows, 10)
    script.kill()
    done = len(table(rows))
    assert 0 < done < 384
    said = predict(many).ends()
    assert f"{384 - done} of 384 images to predict" in said
    expected.requires(rows, tmp_path)

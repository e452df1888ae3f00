"""Training, tuning and reports."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pydicom
import pytest
from PIL import Image

import pleura
from conftest import program

RECIPE = """schema = 1
name = "discs"
network = { architecture = { kind = "conv-stack", widths = [8] }, heads = "both" }
data = { images = ["images"], truth = { kind = "masks", folder = "masks" } }
folds = { count = 2, train = [0] }
loss = { map = [{ kind = "bce" }, { kind = "dice" }], score = [{ kind = "bce" }] }
optimizer = { kind = "adam" }
phases = [{ size = [48, 48], batch = 4, epochs = EPOCHS, lr = 0.03 }]
"""


@pytest.fixture
def discs(tmp_path):
    """The path of a recipe whose 12 images show a bright disc, or none."""
    random = np.random.default_rng(5)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    rows, columns = np.mgrid[:64, :64]
    for number in range(12):
        top, left = random.integers(20, 44, 2)
        disc = (rows - top) ** 2 + (columns - left) ** 2 < 100
        if number % 4 == 3:
            disc[:] = False
        image = random.integers(40, 90, (64, 64)) + 120 * disc
        Image.fromarray(image.astype(np.uint8)).save(tmp_path / "images" / f"disc-{number:02}.png")
        Image.fromarray((255 * disc).astype(np.uint8)).save(tmp_path / "masks" / f"disc-{number:02}.png")
    return write(tmp_path, epochs=2)


def write(folder, epochs):
    recipe = folder / "discs.toml"
    recipe.write_text(RECIPE.replace("EPOCHS", str(epochs)))
    return recipe


def test_a_recipe_is_trained_as_the_command_does(discs, tmp_path, caplog):
    epochs, steps, notes = [], [], []

    class Watcher:
        def step(self, progress):
            steps.append(progress)

        def note(self, text):
            notes.append(text)

    done = pleura.train(
        discs, out=tmp_path / "python", device="cpu", threads=1, callbacks=[epochs.append, Watcher()]
    )
    assert done.finished and done.images == 6 and 0 <= done.dice <= 1
    assert [line["epoch"] for line in epochs] == [0, 1] and epochs[0]["is_best"]
    assert len(epochs[0]["terms"]) == 3 and epochs[0]["loss"] > 0
    assert any("12 images, 9 positive" in note for note in notes)
    assert all(step["steps"] == 1 for step in steps)
    assert done.models == [tmp_path / "python" / "discs-fold0.onnx"] and done.models[0].is_file()
    command = [*program(), "train", str(discs), "--out", str(tmp_path / "program"), "--device", "cpu", "--threads", "1"]
    assert subprocess.run(command, capture_output=True).returncode == 0
    other = tmp_path / "program" / "discs-fold0.onnx"
    assert done.models[0].read_bytes() == other.read_bytes()
    # what is trained can be used
    ensemble = pleura.Ensemble(done.manifest, device="cpu")
    assert ensemble.predict(tmp_path / "images" / "disc-00.png").mask.shape == (64, 64)
    # a training that is done is not repeated; without a callback for notes, they are logged
    with caplog.at_level(logging.INFO, "pleura"):
        again = pleura.train(discs, out=tmp_path / "python", device="cpu", threads=1)
    assert again == done and "already trained" in caplog.text


def test_callbacks_stop_a_training_and_it_goes_on(discs, tmp_path):
    write(tmp_path, epochs=3)
    out = tmp_path / "out"
    stopped = pleura.train(discs, out=out, device="cpu", callbacks=[lambda line: line["epoch"] < 0])
    assert not stopped.finished and stopped.manifest is None

    class Broken(Exception):
        pass

    def broken(line):
        raise Broken(line["epoch"])

    with pytest.raises(Broken, match="1"):
        pleura.train(discs, out=out, device="cpu", callbacks=[broken])
    seen = []
    done = pleura.train(discs, out=out, device="cpu", callbacks=[seen.append])
    assert done.finished and [line["epoch"] for line in seen] == [2]
    straight = pleura.train(discs, out=tmp_path / "straight", device="cpu")
    assert straight.models[0].read_bytes() == done.models[0].read_bytes()
    with pytest.raises(TypeError, match="callbacks: expected"):
        pleura.train(discs, callbacks=[1])


def test_ctrl_c_leaves_a_checkpoint(discs, tmp_path):
    write(tmp_path, epochs=200)
    code = "import sys, pleura; pleura.train(sys.argv[1], out=sys.argv[2], device='cpu', callbacks=[print])"
    command = [sys.executable, "-u", "-c", code, str(discs), str(tmp_path / "out")]
    training = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "'epoch': 0" in training.stdout.readline()
    training.send_signal(signal.SIGINT)
    _, errors = training.communicate(timeout=120)
    assert training.returncode != 0 and "KeyboardInterrupt" in errors
    assert (tmp_path / "out" / "fold0" / "checkpoint.safetensors").is_file()


def test_tensorboard_shows_a_training_that_was_interrupted_as_one(discs, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write(tmp_path, epochs=3)
    options = {"out": tmp_path / "out", "device": "cpu", "threads": 1, "tensorboard": True}
    lines = []
    pleura.train(discs, **options, callbacks=[lambda line: lines.append(line) or line["epoch"] < 1])
    pleura.train(discs, **options, callbacks=[lines.append])
    run = tmp_path / "out" / "tensorboard" / "fold0"
    assert len(list(run.iterdir())) == 2
    shown = EventAccumulator(str(run)).Reload()
    for tag, key in [("loss/training", "loss"), ("held out/Dice", "dice"), ("training/lr", "lr")]:
        scalars = shown.Scalars(tag)
        assert [point.step for point in scalars] == [line["step"] for line in lines]
        assert [point.value for point in scalars] == pytest.approx([line[key] for line in lines])


def test_faults_of_a_recipe_are_named(discs, tmp_path):
    recipe = tmp_path / "wrong.toml"
    recipe.write_text(discs.read_text().replace("conv-stack", "conv-stock"))
    with pytest.raises(pleura.RecipeError) as raised:
        pleura.train(recipe)
    assert raised.value.file == recipe and raised.value.line == 3 and "conv-stock" in str(raised.value)
    recipe.write_text(discs.read_text().replace('folder = "masks"', 'folder = "mask"'))
    with pytest.raises(pleura.TrainingError, match="mask"):
        pleura.train(recipe)
    with pytest.raises(ValueError, match="device"):
        pleura.train(discs, device="tpu")
    with pytest.raises(pleura.TrainingError, match="fold 5"):
        pleura.train(discs, out=tmp_path / "out", fold=5, device="cpu")


def test_python_goes_on_while_a_network_trains(discs, tmp_path):
    ticks, done = [], threading.Event()

    def count():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.01)

    counter = threading.Thread(target=count)
    counter.start()
    begun = time.monotonic()
    try:
        pleura.train(discs, out=tmp_path / "out", device="cpu", threads=1)
    finally:
        took = time.monotonic() - begun
        done.set()
        counter.join()
    # were the lock held, it would tick at the callbacks only
    assert len(ticks) > took / 0.01 / 20


def test_the_numbers_of_a_manifest_are_searched(demo, manifest, images, tmp_path):
    ensemble = pleura.Ensemble(manifest, device="cpu", cache=tmp_path / "cache")
    shape = ensemble.predict(images[0]).mask.shape
    grid = {"postprocess[0].params.above": [0.3, 0.5, 0.7]}
    out = manifest.parent / "tuned.toml"
    options = {"truth_size": shape, "nested": 2}
    tuned = pleura.tune(ensemble, images, demo / "truth.csv", grid=grid, out=out, **options)
    assert tuned.images == len(images) and tuned.skipped == 0 and len(tuned.folds) == 2
    # each image's Dice at a point of the grid is kept in single precision
    assert 0 < tuned.current <= 1 and tuned.best >= tuned.current - 2**-24
    assert tuned.values["postprocess[0].params.above"] in (0.3, 0.5, 0.7)
    assert tuned.calibration is None
    fitted = pleura.tune(ensemble, images, demo / "truth.csv", grid=grid, out=out, calibrate="isotonic", **options)
    assert fitted.calibration["kind"] == "isotonic" and fitted.calibration["nested"]["brier"] >= 0
    assert 'calibration = { kind = "isotonic"' in out.read_text()
    with pytest.raises(ValueError, match='calibrate: expected "temperature" or "isotonic", found "platt"'):
        pleura.tune(ensemble, images, demo / "truth.csv", grid=grid, calibrate="platt", **options)
    command = [*program(), "tune", str(manifest), *map(str, images), "--truth", str(demo / "truth.csv"), "--cache"]
    command += [str(tmp_path / "cache"), "--grid", "postprocess[0].params.above=0.3,0.5,0.7", "--nested", "2"]
    command += ["--truth-size", f"{shape[0]}x{shape[1]}", "--device", "cpu"]
    printed = subprocess.run(command, capture_output=True, text=True)
    assert printed.returncode == 0, printed.stderr
    assert f"{tuned.current:.6f}" in printed.stdout and f"{tuned.nested:.6f}" in printed.stdout
    assert pleura.Ensemble(out, device="cpu").predict(images[0]).mask.shape == shape
    with pytest.raises(pleura.TuneError, match="postprocess\\[9\\]"):
        pleura.tune(ensemble, images, demo / "truth.csv", grid={"postprocess[9].params.above": 0.5}, **options)
    with pytest.raises(pleura.TuneError, match="folder"):
        pleura.tune(ensemble, images, demo / "truth.csv", out=tmp_path / "tuned.toml", **options)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    with pytest.warns(UserWarning, match="broken.png"):
        assert pleura.tune(ensemble, [*images, broken], demo / "truth.csv", grid=grid, **options).skipped == 1


def test_a_report_of_findings_is_the_command_s(demo, manifest, images, tmp_path):
    ensemble = pleura.Ensemble(manifest, device="cpu")
    findings = list(ensemble.predict_files(images))
    shape = findings[0].mask.shape
    page = pleura.report(findings, tmp_path / "python.html", truth=demo / "truth.csv", truth_size=shape)
    lines = tmp_path / "findings.jsonl"
    lines.write_text("".join(found.to_json() + "\n" for found in findings))
    command = [*program(), "report", str(lines), "--truth", str(demo / "truth.csv"), "--out"]
    command += [str(tmp_path / "program.html"), "--size", f"{shape[0]}x{shape[1]}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert page.read_bytes() == (tmp_path / "program.html").read_bytes()
    assert findings[0].id in page.read_text()
    hidden = pleura.report(lines, tmp_path / "hidden.html", hash_ids=True)
    assert findings[0].id not in hidden.read_text()
    with pytest.raises(pleura.PleuraError, match="two cases"):
        pleura.report([findings[0], findings[0]], tmp_path / "twice.html")
    with pytest.raises(pleura.PleuraError, match="--size"):
        pleura.report(findings, tmp_path / "size.html", truth=demo / "truth.csv", truth_size=(7 * shape[0], shape[1]))
    with pytest.warns(UserWarning, match="no picture"):
        os.rename(images[0], tmp_path / "moved.dcm")
        try:
            pleura.report(findings, tmp_path / "moved.html")
        finally:
            os.rename(tmp_path / "moved.dcm", images[0])


def test_collections_are_read_as_the_engine_reads_them(demo, images, tmp_path):
    assert pleura.data.find(images[0].parent) == images
    radiograph = pleura.data.read(images[0])
    assert radiograph.pixels.dtype == np.float32 and 0 <= radiograph.pixels.min() < radiograph.pixels.max() <= 1
    tags = pleura.data.tags(images[0])
    assert tags["id"] == radiograph.id == pydicom.dcmread(images[0]).SOPInstanceUID
    assert tags["size"] == radiograph.pixels.shape
    shape = radiograph.pixels.shape
    folds = pleura.data.folds(demo / "truth.csv", 2, truth_size=shape)
    assert set(folds.values()) == {0, 1}
    pleura.data.write_folds(tmp_path / "folds.csv", folds)
    assert pleura.data.read_folds(tmp_path / "folds.csv") == folds
    out = tmp_path / "program.csv"
    command = [*program(), "data", "split", str(demo / "truth.csv"), "--folds", "2", "--out", str(out)]
    done = subprocess.run([*command, "--size", f"{shape[0]}x{shape[1]}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == (tmp_path / "folds.csv").read_bytes()
    patients = {image: f"patient {number % 3}" for number, image in enumerate(folds)}
    together = pleura.data.folds(demo / "truth.csv", 2, patients=patients, truth_size=shape)
    assert len({(patients[image], fold) for image, fold in together.items()}) == 3
    with pytest.raises(pleura.PleuraError, match="1 patients cannot fill 2 folds"):
        pleura.data.folds(demo / "truth.csv", 2, patients=dict.fromkeys(folds, "one"), truth_size=shape)
    with pytest.raises(ValueError, match="folds: expected 2 to 100, found 1"):
        pleura.data.folds(demo / "truth.csv", 1, truth_size=shape)
    with pytest.raises(ValueError, match="patients: image"):
        pleura.data.folds(demo / "truth.csv", 2, patients={}, truth_size=shape)
    with pytest.raises(pleura.ImageError, match="nowhere.dcm"):
        pleura.data.read("nowhere.dcm")

"""Lists of images, and submissions, without a cluster."""

import shutil

import pleura
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import conftest
import results
import rows


@pytest.fixture(scope="module")
def ensemble(manifest):
    return pleura.Ensemble(manifest, device="cpu", threads=1)


@pytest.fixture
def predicted(ensemble, manifest, images, tmp_path):
    """Predicts images into `rows`, as a script does."""

    def predict(*inputs):
        out = tmp_path / "rows"
        _, todo = results.begin(out, str(manifest), "cpu", [str(it) for it in inputs], "file")
        for at, batch in enumerate(todo.to_batches(max_chunksize=5)):
            pq.write_table(rows.predict(ensemble, batch), out / f"{len(conftest.files(out))}-{at}.parquet")
        return out

    return predict


def test_a_folder_gives_the_images_of_the_command(manifest, images, tmp_path):
    folder = tmp_path / "radiographs"
    (folder / "b" / ".hidden").mkdir(parents=True)
    for number, name in enumerate(["a.DCM", "b/1.2.840.5", "b/no-extension", "b/.hidden/c.dcm", ".d.dcm"]):
        shutil.copy(images[number], folder / name)
    (folder / "notes.txt").write_text("not an image")
    (folder / "b" / "back").symlink_to(folder)
    (folder / "again.dcm").symlink_to(folder / "a.DCM")
    command = conftest.Run(manifest, folder, tmp_path)
    found = results.find([str(folder)], "file")["file"].to_pylist()
    assert len(found) == len(command.findings) == 3
    assert {pleura.Ensemble(manifest, device="cpu").predict(file).id for file in found} == command.findings.keys()


def test_lists_name_images(images, tmp_path):
    names = [str(image) for image in images]
    (tmp_path / "list.csv").write_text("file,other\n" + "".join(f"{name},\n" for name in names))
    pq.write_table(pa.table({"path": names}), tmp_path / "list.parquet")
    assert results.find([str(tmp_path / "list.csv")], "file")["file"].to_pylist() == names
    assert results.find([str(tmp_path / "list.parquet"), names[0]], "path")["file"].to_pylist() == names
    assert results.find([str(images[0].parent / "*.dcm")], "file")["file"].to_pylist() == names
    with pytest.raises(rows.Refused, match="expected a column `path`, found"):
        results.find([str(tmp_path / "list.csv")], "path")
    (tmp_path / "empty.csv").write_text('file\na.dcm\n""\n')
    with pytest.raises(rows.Refused, match="row 2: expected a path"):
        results.find([str(tmp_path / "empty.csv")], "file")
    with pytest.raises(rows.Refused, match="nowhere.dcm"):
        results.find([str(tmp_path / "nowhere.dcm")], "file")


def test_a_submission_follows_its_sample(predicted, images, tmp_path):
    out = predicted(*images)
    ids = [row["id"] for row in conftest.table(out)]
    sample = tmp_path / "sample.csv"
    sample.write_text("ImageId,EncodedPixels\n" + "".join(f"{name},-1\n" for name in reversed(ids)))
    conftest.results(out, "--out", tmp_path / "ordered.csv", "--sample", sample)
    written = (tmp_path / "ordered.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in written] == ids[::-1]
    sample.write_text("ImageId,EncodedPixels\n" + "".join(f"{name},-1\n" for name in [*ids, "nobody"]))
    said = conftest.results(out, "--out", tmp_path / "none.csv", "--sample", sample, exits=2)
    assert "`nobody`" in said and not (tmp_path / "none.csv").exists()


def test_errors_missing_rows_and_equal_ids_are_refused(predicted, images, tmp_path):
    (tmp_path / "list.csv").write_text(f"file\n{images[0]}\nnowhere.dcm\n")
    out = predicted(tmp_path / "list.csv")
    said = conftest.results(out, "--out", tmp_path / "none.csv", exits=2)
    assert "1 of 2 images have errors" in said and "nowhere.dcm" in said and "Traceback" not in said
    said = conftest.results(out, "--out", tmp_path / "some.csv", "--leave-out-errors", exits=1)
    assert "1 images in" in said and len((tmp_path / "some.csv").read_text().splitlines()) == 2

    shutil.copy(images[0], tmp_path / "copy.dcm")
    predicted(images[0], tmp_path / "copy.dcm")
    assert "is already that of" in conftest.results(out, "--out", tmp_path / "none.csv", exits=2)

    predicted(images[1], images[2])
    for file in conftest.files(out)[-1:]:
        file.unlink()
    said = conftest.results(out, "--out", tmp_path / "none.csv", exits=2)
    assert "2 of 2 images have no row" in said and not (tmp_path / "none.csv").exists()
    assert results.end(out) == 2


def test_an_image_that_changed_is_predicted_again(predicted, images, tmp_path):
    image = tmp_path / "a.dcm"
    shutil.copy(images[0], image)
    out = predicted(image)
    shutil.copyfile(images[1], image)
    predicted(image)
    assert len(conftest.table(out)) == 2
    conftest.results(out, "--out", tmp_path / "a.csv")
    [_, line] = (tmp_path / "a.csv").read_text().splitlines()
    assert line.split(",")[0] == conftest.table(out)[1]["id"] != conftest.table(out)[0]["id"]


def test_rows_of_two_ensembles_are_not_mixed(predicted, manifest, images, tmp_path):
    out = predicted(images[0])
    shutil.copytree(manifest.parent, tmp_path / "other")
    other = tmp_path / "other" / "demo.toml"
    assert rows.identity(str(other), "cpu") == rows.identity(str(manifest), "cpu")
    model = tmp_path / "other" / "demo" / "classifier.onnx"
    model.write_bytes(model.read_bytes() + b"\0")
    with pytest.raises(rows.Refused, match="rows of another ensemble: `demo/classifier.onnx`"):
        results.begin(out, str(other), "cpu", [str(images[1])], "file")
    with pytest.raises(rows.Refused, match="is not the driver's: `demo/classifier.onnx`"):
        rows.opened(str(other), "cpu", 1, rows.identity(str(manifest), "cpu"))
    other.write_text("schema = 1\nnmae = 2\n")
    with pytest.raises(rows.Refused, match="nmae"):
        rows.identity(str(other), "cpu")

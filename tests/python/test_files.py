"""Many files, and their submission."""

import subprocess
import threading

import pytest

import pleura
from conftest import program


def test_a_submission_is_the_command_s_byte_for_byte(manifest, images, tmp_path):
    ensemble = pleura.Ensemble(manifest, device="cpu")
    pleura.Submission.from_findings(ensemble.predict_files(images)).write(tmp_path / "python.csv")
    command = [*program(), "predict", str(manifest), *map(str, images), "--out", str(tmp_path / "program.csv")]
    done = subprocess.run([*command, "--device", "cpu"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "python.csv").read_bytes() == (tmp_path / "program.csv").read_bytes()


def test_findings_come_in_the_order_of_files(ensemble, images):
    ids = [ensemble.predict(image).id for image in images]
    assert [found.id for found in ensemble.predict_files(images)] == ids
    assert [found.id for found in ensemble.predict_files(reversed(images))] == ids[::-1]
    assert list(ensemble.predict_files([])) == []


def test_an_image_that_fails_costs_no_other(ensemble, images, tmp_path):
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"no image")
    files = [images[0], broken, images[1]]
    returned = list(ensemble.predict_files(files, errors="return"))
    assert isinstance(returned[1], pleura.ImageError) and returned[1].image == broken
    assert "broken.dcm" in str(returned[1])
    with pytest.warns(UserWarning, match="skipped .*broken.dcm"):
        assert len(list(ensemble.predict_files(files, errors="skip"))) == 2
    findings = ensemble.predict_files(files)
    assert next(findings).id == returned[0].id
    with pytest.raises(pleura.ImageError, match="broken.dcm"):
        next(findings)
    assert next(findings).id == returned[2].id
    with pytest.raises(ValueError, match="errors: expected"):
        ensemble.predict_files(files, errors="ignore")


def test_a_run_that_is_left_ends(ensemble, images):
    before = threading.active_count()
    for _ in range(20):
        findings = ensemble.predict_files(list(images) * 50)
        next(findings)
        del findings
    assert threading.active_count() == before
    assert ensemble.predict(images[0]).id


def test_threads_share_an_ensemble(ensemble, images):
    expected = [ensemble.predict(image).rle for image in images]
    found = {}

    def work(number):
        found[number] = [ensemble.predict(image).rle for image in images]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert all(found[number] == expected for number in range(4))


def test_submissions_are_scored(demo, ensemble, images, tmp_path):
    findings = list(ensemble.predict_files(images))
    submission = pleura.Submission.from_findings(findings)
    assert len(submission) == len(images) and submission.ids == [found.id for found in findings]
    assert findings[0].id in submission and "nobody" not in submission
    sample = tmp_path / "sample.csv"
    sample.write_text("ImageId,EncodedPixels\n" + "".join(f"{found.id},-1\n" for found in reversed(findings)))
    submission.write(tmp_path / "ordered.csv", sample=sample)
    rows = (tmp_path / "ordered.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == [found.id for found in reversed(findings)]
    shape = findings[0].mask.shape
    scored = pleura.score(tmp_path / "ordered.csv", demo / "truth.csv", size=shape, subset=True)
    assert scored["images"] == len(images) and 0 < scored["mean_dice"] <= 1
    read = pleura.Submission.read(tmp_path / "ordered.csv", shape)
    assert (read[findings[0].id] == findings[0].mask).all()
    with pytest.raises(KeyError):
        read["nobody"]
    with pytest.raises(pleura.SubmissionError, match="nowhere.csv"):
        pleura.score(tmp_path / "nowhere.csv", demo / "truth.csv")

"""One image: what it may be, and what is found."""

import io
import json
import pickle

import numpy as np
import pydicom
import pytest

import pleura


def test_a_path_bytes_and_a_data_set_are_the_same_image(ensemble, images):
    found = ensemble.predict(images[0])
    others = [ensemble.predict(str(images[0])), ensemble.predict(images[0].read_bytes()),
              ensemble.predict(pydicom.dcmread(images[0]))]
    for other in others:
        assert (other.id, other.score, other.rle) == (found.id, found.score, found.rle)
        assert np.array_equal(other.mask, found.mask)
    assert found.path == images[0] and others[1].path is None


def test_an_array_needs_its_range(ensemble, images):
    data = pydicom.dcmread(images[0])
    black, white = 0, 2**data.BitsStored - 1
    found = ensemble.predict(images[0])
    values = data.pixel_array
    other = ensemble.predict(values, id=found.id, range=(black, white))
    assert (other.id, other.rle) == (found.id, found.rle)
    # the file is a JPEG, which two decoders read a level apart
    assert other.score == pytest.approx(found.score, abs=2e-3)
    kinds = [np.uint16, np.int16, np.int32, np.float16, np.float32, np.float64]
    others = [values.astype(kind) for kind in kinds] + [np.asfortranarray(values), np.repeat(values, 2, 1)[:, ::2]]
    for kind in [*others, values.astype(">u2"), values.tolist()]:
        same = ensemble.predict(kind, id="x", range=(black, white))
        assert (same.score, same.rle) == (other.score, found.rle)
    with pytest.raises(ValueError, match=r"range=\(black, white\)"):
        ensemble.predict(values)
    with pytest.raises(pleura.ImageError, match="finite"):
        ensemble.predict(np.full((8, 8), np.nan, np.float32), range=(0, 1))
    holed = np.asfortranarray(np.zeros((8, 8)))
    holed[3, 5] = np.inf
    with pytest.raises(pleura.ImageError, match="found inf in row 3, column 5"):
        ensemble.predict(holed, range=(0, 1))
    with pytest.raises(TypeError, match="found int"):
        ensemble.predict(3)
    with pytest.raises(TypeError, match="found ndarray"):
        ensemble.predict(np.zeros((2, 8, 8), np.float32), range=(0, 1))


def test_a_finding_says_what_was_found(ensemble, images):
    findings = [ensemble.predict(image) for image in images]
    assert {found.positive for found in findings} == {True, False}
    for found in findings:
        assert found.mask.dtype == np.bool_ and found.mask.ndim == 2
        assert not found.positive or found.mask.shape == found.probability.shape
        assert found.area == found.mask.sum() and found.positive == (found.area > 0)
        assert pleura.rle_encode(found.mask) == found.rle
        assert np.array_equal(pleura.rle_decode(found.rle, found.mask.shape), found.mask)
        assert found.score is None or 0 <= found.score <= 1
        assert found.decision in ("classifier-gate", "segmenter-gate", "postprocess")
        assert json.loads(found.to_json())["id"] == found.id
        assert found.id in repr(found)
        with pytest.raises(ValueError):
            found.mask[0, 0] = True
    assert any(found.areas for found in findings)


def test_maps_are_kept_where_they_are_asked_for(manifest, ensemble, images):
    without = pleura.Ensemble(manifest, device="cpu")
    marked = next(found for found in map(ensemble.predict, images) if found.positive)
    with pytest.raises(pleura.PleuraError, match="maps=True"):
        without.predict(marked.path).probability
    probability = marked.probability
    assert probability.dtype == np.float32 and 0 <= probability.min() and probability.max() <= 1


def test_an_explanation_names_members_and_steps(ensemble, images):
    found = next(found for found in map(ensemble.predict, images) if found.positive)
    explained = found.explain()
    assert explained["id"] == found.id
    assert [member["name"] for member in explained["segmenter"]["members"]]
    assert np.array_equal(explained["masks"][-1], found.mask)
    assert explained["classifier"]["gate"][0][0].startswith("score")


def test_a_finding_says_how_far_to_trust_it(manifest, images):
    text = manifest.read_text()
    with_rule = manifest.parent / "refer.toml"
    keys = 'calibration = { kind = "temperature", temperature = 2.0 }\nrefer = { score = [0.0, 0.4] }\n'
    with_rule.write_text(text.replace('exit = "exact"\n', f'exit = "exact"\n{keys}', 1))
    plain, trusted = (pleura.Ensemble(path, device="cpu") for path in (manifest, with_rule))
    outcomes = set()
    for image in images:
        before, found = plain.predict(image), trusted.predict(image)
        assert found.rle == before.rle and before.reasons == [] and before.calibrated is None
        referred = found.score <= 0.4
        assert found.outcome == ("refer" if referred else "positive" if found.positive else "negative")
        assert [reason.startswith("the score ") for reason in found.reasons] == [True] * referred
        odds = found.score / (1 - found.score)
        assert found.calibrated == pytest.approx(odds**0.5 / (1 + odds**0.5), abs=1e-5)
        # one classifier and one segmenter: there is nothing to agree with
        assert found.agreement == {"score_spread": None, "dice": None}
        assert found.spacing[0] > 0 and len(found.steps) == len(found.areas)
        again = pickle.loads(pickle.dumps(found))
        for name in ("outcome", "reasons", "calibrated", "agreement", "spacing", "steps"):
            assert getattr(again, name) == getattr(found, name)
        line = json.loads(found.to_json())
        assert line["outcome"] == found.outcome and line.get("reasons", []) == found.reasons
        outcomes.add(found.outcome)
    assert outcomes == {"refer", "positive"}


def test_a_notebook_shows_a_picture(ensemble, images):
    from PIL import Image

    png = ensemble.predict(images[0])._repr_png_()
    picture = Image.open(io.BytesIO(png))
    assert picture.format == "PNG" and picture.width > picture.height


def test_an_ensemble_is_opened_again_where_it_is_unpickled(ensemble, images):
    copy = pickle.loads(pickle.dumps(ensemble))
    assert copy.path == ensemble.path and copy.threads == ensemble.threads
    assert copy.predict(images[0]).rle == ensemble.predict(images[0]).rle
    found = ensemble.predict(images[0])
    again = pickle.loads(pickle.dumps(found))
    assert (again.id, again.rle, again.score, again.decision) == (found.id, found.rle, found.score, found.decision)
    assert np.array_equal(again.mask, found.mask) and again._repr_png_() is None
    with pytest.raises(pleura.PleuraError, match="predict the image again"):
        again.explain()

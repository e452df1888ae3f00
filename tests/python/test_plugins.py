"""Postprocessing plugins in Python."""

import pickle

import numpy as np
import pytest

import pleura


class Above:
    """The pixels above a probability."""

    uses_score = False

    def __init__(self, above):
        self.above = above

    def apply(self, map, mask, context):
        assert mask is None and context.id and len(context.original_size) == 2
        assert 0 <= context.score[0] <= context.score[1] <= 1
        return map > self.above


class Fails:
    def apply(self, map, mask, context):
        raise KeyError("no such case")


class Wrong:
    def __init__(self, make):
        self.make = make

    def apply(self, map, mask, context):
        return self.make(map)


@pytest.fixture(scope="module")
def own(manifest):
    """The demo with one step of our own, of the same rule as its first."""
    path = manifest.parent / "own.toml"
    text = manifest.read_text()
    head = text[: text.index("[[postprocess]]")]
    path.write_text(head + '[[postprocess]]\nplugin = "mine"\nparams = { above = 0.5 }\n')
    stock = manifest.parent / "stock.toml"
    stock.write_text(head + '[[postprocess]]\nplugin = "threshold"\nparams = { above = 0.5 }\n')
    bare = manifest.parent / "bare.toml"
    bare.write_text(head + '[[postprocess]]\nplugin = "mine"\n')
    return path, stock, bare


def test_a_class_gets_the_step_s_parameters(own, images):
    path, stock, _ = own
    mine = pleura.Ensemble(path, device="cpu", plugins={"mine": Above})
    expected = [found.rle for found in pleura.Ensemble(stock, device="cpu").predict_files(images)]
    assert [found.rle for found in mine.predict_files(images)] == expected
    copy = pickle.loads(pickle.dumps(mine))
    assert [found.rle for found in copy.predict_files(images)] == expected
    assert len(set(expected)) > 1


def test_its_errors_fail_the_image_alone(own, ensemble, images):
    _, _, bare = own
    marked = [found.path for found in ensemble.predict_files(images) if found.positive]
    failing = pleura.Ensemble(bare, device="cpu", plugins={"mine": Fails()})
    with pytest.raises(pleura.ImageError, match=r"KeyError: 'no such case' \(.*test_plugins.py:\d+\)"):
        failing.predict(marked[0])
    found = list(failing.predict_files(images, errors="return"))
    assert sum(isinstance(found, pleura.ImageError) for found in found) >= len(marked)
    for make, expected in [
        (lambda map: map, "an array of float32, expected a boolean array"),
        (lambda map: None, "NoneType, expected a boolean array"),
        (lambda map: np.zeros((3, 4), bool), r"a mask of 3 x 4 pixels, expected \d+ x \d+"),
    ]:
        wrong = pleura.Ensemble(bare, device="cpu", plugins={"mine": Wrong(make)})
        with pytest.raises(pleura.ImageError, match=expected):
            wrong.predict(marked[0])


def test_what_it_cannot_be_is_said_when_the_ensemble_is_opened(own):
    path, _, bare = own
    for manifest, plugin, expected in [
        (path, Above(0.5), "register its class"),
        (bare, Above, "missing 1 required positional argument"),
        (bare, object(), "apply"),
    ]:
        with pytest.raises(pleura.PluginError, match=expected):
            pleura.Ensemble(manifest, device="cpu", plugins={"mine": plugin})
    isolated = path.parent / "own-isolated.toml"
    isolated.write_text(bare.read_text() + 'isolation = "process"\n')
    with pytest.raises(pleura.PluginError, match="leave out `isolation`"):
        pleura.Ensemble(isolated, device="cpu", plugins={"mine": Fails})

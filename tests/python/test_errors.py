"""What is refused: the command's messages, as exceptions."""

import os
import subprocess
import sys

import pytest

import pleura


def test_a_manifest_s_problems_have_files_and_lines(manifest, tmp_path):
    wrong = manifest.parent / "wrong.toml"
    wrong.write_text(manifest.read_text().replace("schema = 1", "schema = 1\nnmae = 3"))
    with pytest.raises(pleura.ManifestError) as caught:
        pleura.Ensemble(wrong)
    error = caught.value
    assert error.file == wrong and error.line == 1 + wrong.read_text().splitlines().index("nmae = 3")
    assert error.problems[0]["field"] == "nmae" and error.problems[0]["severity"] == "error"
    assert "name" in error.hint and f"{error.line}" in str(error)
    with pytest.raises(pleura.ManifestError, match="nowhere.toml"):
        pleura.Ensemble(tmp_path / "nowhere.toml")
    assert issubclass(pleura.ManifestError, pleura.PleuraError)


def test_options_are_checked(manifest):
    with pytest.raises(ValueError, match="expected auto, cpu, cuda"):
        pleura.Ensemble(manifest, device="gpu")
    with pytest.raises(ValueError, match='"exact" or "full"'):
        pleura.Ensemble(manifest, device="cpu", exit="never")
    with pytest.raises(TypeError):
        pleura.Ensemble(manifest, thread=3)


def test_a_model_and_a_plugin_that_are_missing_are_named(manifest):
    model = manifest.parent / "model.toml"
    model.write_text(manifest.read_text().replace("demo/segmenter.onnx", "demo/other.onnx"))
    with pytest.raises(pleura.ModelError, match="other.onnx"):
        pleura.Ensemble(model, device="cpu")
    plugin = manifest.parent / "plugin.toml"
    plugin.write_text(manifest.read_text() + '\n[[postprocess]]\nplugin = "no-such-step"\n')
    with pytest.raises(pleura.PluginError, match="no-such-step"):
        pleura.Ensemble(plugin, device="cpu")


def test_without_onnx_runtime_the_command_that_installs_it_is_named(manifest, tmp_path):
    code = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "import pleura\n"
        f"try: pleura.Ensemble({str(manifest)!r}, device='cpu')\n"
        "except pleura.RuntimeMissingError as error: print(error)"
    )
    environment = {**os.environ, "PLEURA_CACHE": str(tmp_path), "PATH": "/nowhere"}
    environment.pop("ORT_DYLIB_PATH", None)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert 'pip install "pleura[cpu]"' in done.stdout, done.stdout + done.stderr


def test_run_lengths_that_do_not_fit_are_refused():
    with pytest.raises(ValueError):
        pleura.rle_decode("1 5 x", (4, 4))
    with pytest.raises(ValueError):
        pleura.rle_decode("10 10", (4, 4))

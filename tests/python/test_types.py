"""The package's types, as mypy and pyright read them."""

import subprocess
import sys

USE = """
import numpy as np
from numpy.typing import NDArray
import pleura

ensemble = pleura.Ensemble("ensemble.toml", device=["cuda:0", "cuda:1"], maps=True)
finding = ensemble.predict("chest.dcm")
mask: NDArray[np.bool_] = finding.mask
score: float | None = finding.score
for found in ensemble.predict_files(["a.dcm"], errors="skip"):
    print(found.rle.upper(), found.area + 1)
pleura.Submission.from_findings([finding]).write("submission.csv", sample="sample.csv")
dice: float = pleura.score("a.csv", "truth.csv")["mean_dice"]
def told(line: pleura.Epoch) -> bool:
    return (line["dice"] or 0.0) < 0.9
trained = pleura.train("recipe.toml", callbacks=[told])
print(trained.dice, [model.name for model in trained.models])
tuned = pleura.tune(ensemble, ["a.dcm"], "truth.csv", grid={"segmenter.gate.above": [0.1, 0.2]})
gain: float = tuned.gain
print(pleura.report([finding], "report.html").name)
pixels: NDArray[np.float32] = pleura.data.read("chest.dcm").pixels
try:
    pass
except pleura.ManifestError as error:
    print(error.line, error.problems[0]["hint"])
"""


def mypy(folder, *arguments):
    command = [sys.executable, "-m", "mypy", "--strict", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def pyright(folder, file):
    command = [sys.executable, "-m", "basedpyright", "--level", "error", "--pythonpath", sys.executable, file]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


WRONG = 'import pleura\npleura.Ensemble("x").predict("y").mask.upper()\n'


def test_pyright_knows_the_types(tmp_path):
    (tmp_path / "use.py").write_text(USE)
    (tmp_path / "wrong.py").write_text(WRONG)
    use = pyright(tmp_path, "use.py")
    assert use.returncode == 0, use.stdout
    wrong = pyright(tmp_path, "wrong.py")
    assert wrong.returncode == 1 and "upper" in wrong.stdout, wrong.stdout


def test_mypy_knows_the_types(tmp_path):
    package = mypy(tmp_path, "-p", "pleura")
    assert package.returncode == 0, package.stdout
    (tmp_path / "use.py").write_text(USE)
    use = mypy(tmp_path, "use.py")
    assert use.returncode == 0, use.stdout
    (tmp_path / "wrong.py").write_text(WRONG)
    assert mypy(tmp_path, "wrong.py").returncode == 1

"""The package's types, as mypy reads them."""

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
try:
    pass
except pleura.ManifestError as error:
    print(error.line, error.problems[0]["hint"])
"""


def mypy(folder, *arguments):
    command = [sys.executable, "-m", "mypy", "--strict", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_types_hold(tmp_path):
    package = mypy(tmp_path, "-p", "pleura")
    assert package.returncode == 0, package.stdout
    (tmp_path / "use.py").write_text(USE)
    use = mypy(tmp_path, "use.py")
    assert use.returncode == 0, use.stdout
    (tmp_path / "wrong.py").write_text('import pleura\npleura.Ensemble("x").predict("y").mask.upper()\n')
    assert mypy(tmp_path, "wrong.py").returncode == 1

"""The notebook of the docs, executed."""

import nbclient
import nbformat
import pytest

from conftest import ROOT


@pytest.mark.slow
def test_the_notebook_runs(tmp_path):
    notebook = nbformat.read(ROOT / "engine" / "docs" / "notebook.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "it is kept without outputs"
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 3, "a radiograph, a finding, and the steps"
    texts = [output["data"]["text/plain"] for output in outputs if "data" in output]
    score = next(text for text in texts if "mean_dice" in text)
    assert 0.9 < eval(score)["mean_dice"] <= 1
    assert (tmp_path / "submission.csv").is_file() and (tmp_path / "report.html").is_file()

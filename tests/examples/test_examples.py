"""The examples run, on the sample photos."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

import posepart
from posepart.formats.networks import export_networks
from posepart.models.model_set import find_model
from posepart.structures import PersonBoxes

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_notebook_runs(tmp_path: Path) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(EXAMPLES / "quickstart.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "commit it without outputs: they grow old"
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=resources).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert any("margin" in output.get("text", "") for output in shown)


def test_a_detector_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, overlay = tmp_path / "astronaut.png", tmp_path / "overlay.png"
    Image.fromarray(astronaut()).save(photo)
    monkeypatch.setattr(sys, "argv", ["own_detector.py", str(photo), "-o", str(overlay)])
    names = runpy.run_path(str(EXAMPLES / "own_detector.py"), run_name="__main__")
    assert capsys.readouterr().out.startswith("1 people")
    with Image.open(overlay) as picture:
        assert picture.size == (512, 512)
    boxes = names["FaceDetector"]()(astronaut() * 0)
    assert isinstance(boxes, PersonBoxes) and len(boxes) == 0


def test_networks_without_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    manifest = export_networks(find_model("posepart-s"), "onnx", tmp_path)
    assert manifest["networks"].keys() == {"detector", "pose", "part", "refine"}
    assert manifest["left_out"] == ["crf", "calibration"]
    photo, overlay = tmp_path / "astronaut.png", tmp_path / "overlay.png"
    Image.fromarray(astronaut()).save(photo)
    monkeypatch.setattr(sys, "argv", ["without_torch.py", str(tmp_path), str(photo), "-o", str(overlay)])
    runpy.run_path(str(EXAMPLES / "without_torch.py"), run_name="__main__")
    person = posepart.load()(astronaut()).people[0]
    found = np.array([line.split()[1:3] for line in capsys.readouterr().out.splitlines()[:14]], float)
    sure = person.pose.present & (person.pose.joint_scores > 0.5)
    assert sure.sum() >= 3
    assert np.linalg.norm(found[sure] - person.pose.xy[sure], axis=1).max() < 25
    with Image.open(overlay) as picture:
        assert picture.size == (512, 512)

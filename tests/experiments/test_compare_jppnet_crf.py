"""experiments/compare_jppnet_crf.py with stand-ins for detector and networks."""

import json
from pathlib import Path

import compare_jppnet_crf
import pytest
from helpers.drawn_data import write_drawn_people
from helpers.joint_stand_ins import ONE_SCALE, SeesBoth, jppnet_pipeline
from helpers.stand_ins import FIGURES, boxes_of, pipeline_of
from PIL import Image

from posepart.config import PipelineConfig

APART = FIGURES[::2]  # not in each other's crop, in which the stand-in would take the one for the other


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the script load a model and a JPPNet that see drawn people without mistakes."""
    config = PipelineConfig(jppnet=ONE_SCALE)
    monkeypatch.setattr(compare_jppnet_crf, "load", lambda *_, **__: pipeline_of(boxes_of(APART), config))
    monkeypatch.setattr(compare_jppnet_crf, "load_network", lambda _: SeesBoth().eval())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A photo of one drawn person and one of two."""
    return write_drawn_people(tmp_path / "drawn", [FIGURES[:1], APART])


def test_all_systems_on_the_same_boxes(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["--data", str(data), "--jppnet", '{"S1": "any.safetensors"}', "--given_boxes", "true"]
    compare_jppnet_crf.main([*command, "--pictures", "1", "--replicates", "3", "-o", str(out)])
    record = json.loads((out / "comparison.json").read_text())
    assert (record["photos"], record["model"], list(record["systems"])) == (
        2,
        "stand-in",
        ["S1", "CRF on S1"],
    )
    for system in record["systems"].values():
        pck = system["pck_human"]
        assert (pck["model"], pck["system"], pck["difference"]) == (1, 1, 0)
    assert "## CRF on S1" in (out / "comparison.md").read_text()
    (picture,) = out.glob("*.png")
    assert Image.open(picture).size[0] == 3 * 330


def test_a_model_without_crf_is_refused(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = jppnet_pipeline(boxes_of([]))
    monkeypatch.setattr(compare_jppnet_crf, "load", lambda *_, **__: alone)
    command = ["--data", str(data), "--jppnet", '{"S1": "any"}', "-o", str(tmp_path / "out")]
    with pytest.raises(ValueError, match="--model joint: has no CRF to compare with"):
        compare_jppnet_crf.main(command)

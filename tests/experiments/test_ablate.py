"""The script experiments/ablate.py with stand-ins for detector and networks."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import ablate
import numpy as np
import pytest
from helpers.drawn_data import write_drawn_people
from helpers.joint_stand_ins import jppnet_pipeline
from helpers.stand_ins import FIGURES, boxes_of, pipeline_of
from PIL import Image

from posepart.ablation import evidence_cache
from posepart.ablation.deepercut import DeeperCut
from posepart.ablation.evidence_cache import EvidenceCache
from posepart.ablation.questions import SECOND_STAGES
from posepart.ablation.trees import TREES
from posepart.config import PipelineConfig
from posepart.models.model_set import find_model, read_card
from posepart.pipeline import Pipeline
from posepart.structures import PersonBoxes
from posepart.training.refine import RefineExamples


def use_stand_ins(monkeypatch: pytest.MonkeyPatch, boxes: PersonBoxes) -> None:
    """Let the script load a model that finds these boxes and sees drawn people without mistakes."""

    def load(name: str, *, detector: str, config: PipelineConfig, device: str) -> Pipeline:
        return pipeline_of(boxes, config)

    monkeypatch.setattr(ablate, "load", load)
    monkeypatch.setattr(ablate, "evidence_settings", lambda *_: {"weights": "made up"})


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    use_stand_ins(monkeypatch, boxes_of(FIGURES[:2]))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two photos of two drawn people each."""
    return write_drawn_people(tmp_path / "drawn", [FIGURES[:2], FIGURES[:2]])


def test_report_and_a_second_run_on_the_same_evidence(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["--data", str(data), "--only", "assemblers", "--replicates", "5", "-o", str(out)]
    ablate.main(command)
    record = json.loads((out / "ablation.json").read_text())
    assert (record["data"], record["photos"], record["given_boxes"]) == ("drawn", 2, False)
    rows = record["questions"]["assemblers"]["rows"]
    assert rows["exact"]["pose_map_pckh"]["value"] == 1
    assert rows["exact"]["adk"]["samples"] == 4 * 14
    assert "| per-joint maximum |" in (out / "ablation.md").read_text()
    assert (out / "ablation.png").read_bytes().startswith(b"\x89PNG")
    assert len(list((out / "seen" / "detected").glob("*.npz"))) == 2
    for photo in (data / "images").iterdir():
        Image.new("RGB", (330, 190)).save(photo)  # nothing is left to be seen
    ablate.main(command)
    assert json.loads((out / "ablation.json").read_text()) == record


def test_systems_of_the_paper_with_trees_fitted_to_other_photos(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables 1 and 2: all rows, in all measures and per joint; DeeperCut at the one size that stand-ins can see."""
    monkeypatch.setattr(evidence_cache, "DeeperCut", partial(DeeperCut, sizes=(256,)))
    others = write_drawn_people(tmp_path / "others", [FIGURES[:2]] * 2, split="train")
    out = tmp_path / "out"
    command = ["--data", str(data), "--only", "systems", "--replicates", "5", "-o", str(out)]
    ablate.main([*command, "--fit_data", str(others), "--fit_photos", "2", "--size_edges", "10", "20", "30"])
    record = json.loads((out / "ablation.json").read_text())
    assert set(record["trees"]) == set(TREES) and record["size_edges"] == [10, 20, 30]
    answers = record["questions"]["systems"]
    rows = ["our model (w/o seg)", "our model (final)", *(tree.title for tree in TREES.values())]
    rows += ["DeeperCut", "DeeperCut, tempered as ours"]
    assert list(answers["rows"]) == list(answers["table_1"]) == list(answers["table_2"]) == rows
    for name in rows[:5]:
        assert answers["rows"][name]["pose_map_pckh"]["value"] == 1, name
        assert answers["rows"][name]["adk"]["value"] < 0.5
    assert answers["rows"]["DeeperCut"]["pose_map_pckh"]["value"] > 0.5
    assert (
        "table_1: Wrist" in answers["table_1"]["DeeperCut"]
        and "table_2: Compared" in answers["table_2"]["DeeperCut"]
    )
    assert "### ADK (Table 2), less is better" in (out / "ablation.md").read_text()
    assert sorted(path.name for path in (out / "seen").iterdir()) == ["detected", "scaled", "settings.json"]


def test_given_boxes_need_no_detector(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_stand_ins(monkeypatch, PersonBoxes.empty())
    out = tmp_path / "out"
    command = ["--data", str(data), "--only", "boxes", "--given_boxes", "true", "--replicates", "0"]
    ablate.main([*command, "-o", str(out)])
    rows = json.loads((out / "ablation.json").read_text())["questions"]["boxes"]["rows"]
    assert rows["boxes"]["pose_map_pckh"]["value"] == 1
    assert sorted(path.name for path in (out / "seen").iterdir()) == ["given", "photo", "settings.json"]


def test_what_another_model_saw_is_not_used(data: Path, tmp_path: Path) -> None:
    EvidenceCache.open(
        tmp_path / "out" / "seen", {"weights": "another"}, pipeline_of(PersonBoxes.empty()), False
    )
    with pytest.raises(ValueError, match="another weights: choose another output folder"):
        ablate.main(["--data", str(data), "-o", str(tmp_path / "out")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--only", "everything"], "there is no everything; choose from systems, segment_term"),
        (["--refine_steps", "1", "--refine_split", "val"], "trained on the photos on which they are tested"),
        (["--fit_photos", "9", "--fit_split", "val"], "fitted to the photos on which they are tested"),
    ],
)
def test_wrong_options_are_explained(data: Path, tmp_path: Path, options: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ablate.main(["--data", str(data), "-o", str(tmp_path / "out"), *options])


def test_a_model_without_a_crf_is_refused(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = jppnet_pipeline(PersonBoxes.empty())
    monkeypatch.setattr(ablate, "load", lambda *_, **__: alone)
    with pytest.raises(ValueError, match="--model joint: has no CRF to ablate"):
        ablate.main(["--data", str(data), "-o", str(tmp_path / "out")])


def write_predictions(path: Path, weights: str) -> None:
    """Three predicted crops without a pose."""
    generator = np.random.default_rng(0)
    rows = [
        (
            generator.dirichlet(np.ones(7), (64, 64)).transpose(2, 0, 1),
            None,
            generator.integers(0, 7, (64, 64)).astype(np.uint8),
        )
        for _ in range(3)
    ]
    examples = RefineExamples.stack(rows)
    arrays: dict[str, Any] = {"parts": examples.parts, "poses": examples.poses, "labels": examples.labels}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, weights=np.array(weights), **arrays)


def test_second_stages_are_trained_on_predictions_of_this_model(data: Path, tmp_path: Path) -> None:
    content = (data / "person_keypoints_val.json").read_text()
    (data / "person_keypoints_train.json").write_text(content)
    out, model = tmp_path / "out", find_model("posepart-s").folder
    own = " ".join(str(read_card(model / f"{stage}.safetensors").sha256) for stage in ("pose", "part", "crf"))
    command = ["--data", str(data), "--only", "second_stage", "--refine_steps", "1", "--replicates", "0"]
    write_predictions(out / "refine" / "train.npz", own)
    ablate.main([*command, "-o", str(out)])
    rows = json.loads((out / "ablation.json").read_text())["questions"]["second_stage"]["rows"]
    trained = [f"retrained, {name}" for name in SECOND_STAGES]
    assert list(rows) == ["first stage only", *trained, "shipped, both maps"]
    write_predictions(out / "refine" / "train.npz", "another")
    message = r"train\.npz: predicted by other weights or settings; remove it, or choose another"
    with pytest.raises(ValueError, match=message):
        ablate.main([*command, "-o", str(out)])

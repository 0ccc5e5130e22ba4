"""The script experiments/ablate.py with stand-ins for detector and networks."""

import importlib
import json
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.stand_ins import FIGURES, boxes_of, draw, pipeline_of
from PIL import Image
from torch import nn

from posepart.config import PipelineConfig
from posepart.schema import JOINT_NAMES
from posepart.training.refine import RefineExamples

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The script, on a model that sees drawn people without mistakes."""
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    module = importlib.import_module("ablate")
    boxes = boxes_of(FIGURES[:2])
    monkeypatch.setattr(module, "load", lambda *_, config, **__: replace_config(pipeline_of(boxes), config))
    monkeypatch.setattr(module, "seen_with", lambda *_: {"weights": "made up"})
    return module


def replace_config(parser, config: PipelineConfig):
    parser.config = replace(config, mirror_pose=False, upright_pose=False, part_scales=(1.0,))
    return parser


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two photos of two drawn people each."""
    folder = tmp_path / "drawn"
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in (1, 2):
        Image.fromarray(draw(FIGURES[:2])).save(folder / "images" / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 330, "height": 190})
        for joints, box in zip(FIGURES[:2], boxes_of(FIGURES[:2]).xyxy.tolist(), strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "iscrowd": 0,
                    "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
                    "keypoints": np.column_stack([joints, np.full(14, 2)]).ravel().tolist(),
                }
            )
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(JOINT_NAMES)}],
    }
    (folder / "person_keypoints_val.json").write_text(json.dumps(content))
    return folder


def test_report_and_a_second_run_on_what_was_seen(
    script: types.ModuleType, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    command = ["--data", str(data), "--only", "assemblers", "--replicates", "5", "-o", str(out)]
    script.main(command)
    record = json.loads((out / "ablation.json").read_text())
    assert (record["data"], record["photos"], record["given_boxes"]) == ("drawn", 2, False)
    rows = record["questions"]["assemblers"]["rows"]
    assert rows["exact"]["pose_map_pckh"]["value"] == 1
    assert rows["exact"]["adk"]["samples"] == 4 * 14
    assert "| per-joint maximum |" in (out / "ablation.md").read_text()
    assert (out / "ablation.png").read_bytes().startswith(b"\x89PNG")
    assert len(list((out / "seen" / "detected").glob("*.npz"))) == 2
    monkeypatch.setattr(script, "see", None)  # nothing is left to see
    script.main(command)
    assert json.loads((out / "ablation.json").read_text()) == record


def test_given_boxes_need_no_detector(
    script: types.ModuleType, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parser = pipeline_of(boxes_of([]))
    monkeypatch.setattr(script, "load", lambda *_, config, **__: replace_config(parser, config))
    out = tmp_path / "out"
    command = ["--data", str(data), "--only", "boxes", "--given_boxes", "true", "--replicates", "0"]
    script.main([*command, "-o", str(out)])
    rows = json.loads((out / "ablation.json").read_text())["questions"]["boxes"]["rows"]
    assert rows["boxes"]["pose_map_pckh"]["value"] == 1
    assert sorted(path.name for path in (out / "seen").iterdir()) == ["given", "photo", "settings.json"]


def test_what_another_model_saw_is_not_used(
    script: types.ModuleType,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script.check_folder(tmp_path / "out" / "seen", {"weights": "another"})
    with pytest.raises(ValueError, match="another weights: choose another output folder"):
        script.main(["--data", str(data), "-o", str(tmp_path / "out")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--only", "everything"], "there is no everything; choose of segment_term, pairs"),
        (["--refine_steps", "1", "--refine_split", "val"], "trained on the photos they are tested on"),
    ],
)
def test_wrong_options_are_explained(
    script: types.ModuleType,
    data: Path,
    tmp_path: Path,
    options: list[str],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        script.main(["--data", str(data), "-o", str(tmp_path / "out"), *options])


def test_the_rows_of_a_question_differ(script: types.ModuleType) -> None:
    plan = importlib.import_module("ablate_plan")
    for retrained in ((), ("zero maps", "joint maps", "skeleton maps", "both maps")):
        asked = plan.questions(PipelineConfig(), retrained)
        assert tuple(question.key for question in asked) == plan.KEYS
        for question in asked:
            variants = [row.variant for row in question.rows]
            assert len(set(variants)) == len(variants) >= 2
        second_stage = asked[plan.KEYS.index("second_stage")]
        assert bool(second_stage.note) is not bool(retrained)
        assert {row.variant.second_stage for row in second_stage.rows} == {"shipped", *retrained}


def test_second_stages_are_trained_alike_and_once(script: types.ModuleType, tmp_path: Path) -> None:
    retraining = importlib.import_module("ablate_refine")
    generator = np.random.default_rng(0)
    rows = [
        (
            generator.dirichlet(np.ones(7), (12, 12)).transpose(2, 0, 1),
            None,
            generator.integers(0, 7, (12, 12)).astype(np.uint8),
        )
        for _ in range(3)
    ]
    examples = RefineExamples.stack(rows)
    model = tmp_path / "model"
    model.mkdir()
    for stage in ("pose", "part", "crf"):
        (model / f"{stage}.json").write_text(json.dumps({"sha256": stage}), encoding="utf-8")
    arrays = {"parts": examples.parts, "poses": examples.poses, "labels": examples.labels}
    np.savez(tmp_path / "train.npz", weights=np.array("pose part crf"), **arrays)
    networks = retraining.retrain([], model, tmp_path, crops=8, steps=1, seed=0)
    assert list(networks) == list(retraining.POSE_MAPS)
    assert all(isinstance(network, nn.Module) for network in networks.values())
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/refine.safetensors")}
    assert len(written) == 5
    retraining.retrain([], model, tmp_path, crops=8, steps=1, seed=0)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    (model / "part.json").write_text(json.dumps({"sha256": "another"}), encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"train\.npz: predicted by other weights; remove it, or choose another"
    ):
        retraining.retrain([], model, tmp_path, crops=8, steps=1, seed=0)

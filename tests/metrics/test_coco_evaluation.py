"""COCO's evaluation for any joints: equal to pycocotools."""

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from posepart.cli.main import main
from posepart.report.coco_files import compare_coco_files

NAMES = ("tail", "snout", "left_paw", "right_paw", "ear")
SIGMAS = [0.05, 0.03, 0.1, 0.08, 0.02]


def files(folder: Path, seed: int, photos: int = 12) -> tuple[Path, Path]:
    """Random labels and results: crowds, people without joints, equal scores, up to 25 results in a photo."""
    rng = np.random.default_rng(seed)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image in range(1, photos + 1):
        images.append({"id": image * 3, "file_name": f"{image}.jpg", "width": 640, "height": 480})
        for _ in range(int(rng.choice([0, 1, 5]))):
            size = float(rng.choice([20, 60, 200]))
            box = [*rng.uniform(0, 300, 2), size, size * rng.uniform(0.5, 2)]
            xy = np.array(box[:2]) + rng.uniform(0, 1, (len(NAMES), 2)) * box[2:]
            seen = rng.integers(0, 3, len(NAMES)) * rng.integers(0, 2)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image * 3,
                    "category_id": 4,
                    "bbox": box,
                    "area": 0.6 * box[2] * box[3],
                    "iscrowd": int(rng.random() < 0.1),
                    "keypoints": np.column_stack([xy, seen]).ravel().tolist(),
                    "num_keypoints": int((seen > 0).sum()),
                }
            )
            for _ in range(int(rng.choice([0, 1, 5]))):
                moved = xy + rng.normal(0, rng.choice([0.01, 0.1]) * size, xy.shape)
                results.append(
                    {
                        "image_id": image * 3,
                        "category_id": 4,
                        "bbox": [*(np.array(box[:2]) + rng.normal(0, 0.1 * size, 2)), box[2], box[3]],
                        "keypoints": np.column_stack([moved, np.ones(len(NAMES))]).ravel().tolist(),
                        "score": float(rng.choice([0.2, 0.5, rng.random()])),
                    }
                )
    category = {"id": 4, "name": "person", "keypoints": list(NAMES), "skeleton": []}
    labels, predictions = folder / "labels.json", folder / "results.json"
    labels.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [category]}))
    predictions.write_text(json.dumps(results))
    return labels, predictions


def of_tool(labels: Path, predictions: Path, kind: str, tool: tuple[Any, Any]) -> Any:
    """The numbers of pycocotools, or of what has its interface."""
    coco, coco_eval = tool
    with redirect_stdout(StringIO()):
        truth = coco(str(labels))
        evaluation = coco_eval(truth, truth.loadRes(str(predictions)), kind)
        if kind == "keypoints":
            evaluation.params.kpt_oks_sigmas = np.array(SIGMAS)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["keypoints", "bbox"])
def test_equal_to_pycocotools(kind: str, seed: int, tmp_path: Path) -> None:
    labels, predictions = files(tmp_path, seed)
    found = compare_coco_files(labels, predictions, SIGMAS).measures[kind]
    expected = of_tool(labels, predictions, kind, (COCO, COCOeval))
    assert len(found) == len(expected)
    np.testing.assert_allclose(list(found.values()), expected, atol=1e-6)
    assert 0 < found["AP"] < 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["keypoints", "bbox"])
def test_equal_to_faster_coco_eval(kind: str, seed: int, tmp_path: Path) -> None:
    faster = pytest.importorskip("faster_coco_eval")
    labels, predictions = files(tmp_path, seed)
    found = compare_coco_files(labels, predictions, SIGMAS).measures[kind]
    expected = of_tool(labels, predictions, kind, (faster.COCO, faster.COCOeval_faster))
    np.testing.assert_allclose(list(found.values()), expected[: len(found)], atol=1e-6)


def test_nothing_to_find(tmp_path: Path) -> None:
    labels, predictions = files(tmp_path, 0, photos=0)
    assert set(compare_coco_files(labels, predictions, SIGMAS).measures["bbox"].values()) == {-1.0}


def test_the_first_line_tells_what_was_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels, predictions = files(tmp_path, 1)
    results = json.loads(predictions.read_text())
    results.append(results[0] | {"image_id": 1000})
    predictions.write_text(json.dumps(results))
    arguments = ["evaluate", "--labels", str(labels), "--predictions", str(predictions)]
    arguments += ["--sigmas", *map(str, SIGMAS)]
    assert main([*arguments, "-o", str(tmp_path / "report")]) == 0
    first, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("measured on all 12 photos of the labels")
    assert f"1 of {len(results)} results are left out, of photos that are not labelled" in first
    stored = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert stored["joints"] == list(NAMES) and 0 < stored["measures"]["keypoints"]["AP"] < 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ([], "no sigma is known for the joint tail"),
        (["--sigmas", "0.1"], "expected 5 positive numbers"),
        (["--data", "x"], "--labels and --data"),
    ],
)
def test_refused(
    change: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, predictions = files(tmp_path, 1)
    assert main(["evaluate", "--labels", str(labels), "--predictions", str(predictions), *change]) == 2
    assert sentence in capsys.readouterr().err

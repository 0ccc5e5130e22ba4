"""Training of the person detector: batches, measures, score calibration, one step of the loop."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.nanodet_arrays import published_arrays
from PIL import Image

from posepart.data.sample import LabelledPerson, Sample
from posepart.models.detector.nanodet import NanoDet
from posepart.models.detector.network import IGNORE, PERSON, person_detector
from posepart.models.model_set import Card
from posepart.models.weight_files import save_weights
from posepart.structures import PersonBoxes
from posepart.training.detector import (
    DetectorEvaluation,
    MosaicBatchConfig,
    MosaicBatches,
    canvas_target,
    detector_losses,
    shift_scores,
)
from posepart.training.jobs.detector import Settings, initialised
from posepart.training.loop import LoopConfig, train
from posepart.training.mosaics import NO_BOXES, Mosaic, MosaicConfig


def boxes(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def found(*rows: list[float]) -> PersonBoxes:
    """Rows of x0, y0, x1, y1, score."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    return PersonBoxes(table[:, :4], table[:, 4])


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """A complete photo with a person and an ignore region, a complete one with nobody, an incomplete one."""
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)).save(path)
    person = LabelledPerson(boxes([0, 0, 20, 40])[0], None, "none")
    return [
        Sample(path, 64, 64, (person,), boxes([40, 40, 60, 60]), True, source="a"),
        Sample(path, 64, 64, (), NO_BOXES, True, source="b"),
        Sample(path, 64, 64, (person,), NO_BOXES, False, source="a"),
    ]


def test_target_of_an_empty_canvas() -> None:
    target = canvas_target(Mosaic(np.zeros((4, 4, 3), np.uint8), NO_BOXES, NO_BOXES))
    assert target["boxes"].shape == (0, 4) and target["labels"].dtype == torch.int64


def test_ignore_regions_carry_their_label() -> None:
    canvas = Mosaic(np.zeros((9, 9, 3), np.uint8), boxes([0, 0, 4, 8]), boxes([5, 5, 8, 8]))
    assert canvas_target(canvas)["labels"].tolist() == [PERSON, IGNORE]


def test_measures(samples: list[Sample]) -> None:
    evaluate = DetectorEvaluation(samples)
    nothing = evaluate.measure([found()] * 3)
    assert nothing["recall"] == 0 and nothing["false_per_photo"] == 0 and nothing["clean_empty_photos"] == 1
    measures = evaluate.measure(
        [
            found([0, 0, 20, 38, 0.9], [41, 41, 50, 50, 0.8]),  # the person, and one in the ignore region
            found([0, 0, 20, 40, 0.7]),  # false
            found(
                [0, 0, 20, 40, 0.2], [30, 0, 50, 40, 0.95]
            ),  # found below the threshold; perhaps unlabelled
        ]
    )
    assert (
        measures["recall"] == 1 and measures["false_per_photo"] == 0.5 and measures["clean_empty_photos"] == 0
    )
    assert measures["recall_all"] == 0.5
    assert measures["best_threshold"] > 0.7 and measures["best_f1"] == 1


def test_measures_of_no_photo_and_of_none_that_is_completely_labelled(samples: list[Sample]) -> None:
    assert DetectorEvaluation([]).measure([]) == {}
    incomplete = [sample for sample in samples if not sample.boxes_complete]
    measures = DetectorEvaluation(incomplete).measure([found([30, 0, 50, 40, 0.95])] * len(incomplete))
    assert incomplete and measures.keys() == {"ap50", "ap", "recall_all"}


def test_shift_moves_one_score_to_another() -> None:
    torch.manual_seed(0)
    model = person_detector(width=0.25, channels=16, hidden=8, input_size=64)
    predictor = model.roi_heads.box_predictor
    with torch.no_grad():
        predictor.logits.weight.zero_()
        predictor.logits.bias.copy_(torch.tensor([0.0, np.log(0.3 / 0.7)]))
    shift_scores(model, 0.3, 0.6)
    logits, _ = predictor(torch.zeros(1, 8))
    assert logits.softmax(1)[0, PERSON].item() == pytest.approx(0.6, abs=1e-6)


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(tmp_path: Path, samples: list[Sample]) -> None:
    canvases = MosaicConfig(shapes=((64, 64),), tilings={"1x1": 1.0})
    batches = MosaicBatches(samples, MosaicBatchConfig(2, 5, canvases))
    np.testing.assert_array_equal(batches[3]["images"], batches[3]["images"])
    calls = []

    def interrupted(model: torch.nn.Module, batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        calls.append(batch)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return detector_losses(model, batch)

    def run(name: str, losses: Any = detector_losses) -> dict[str, torch.Tensor]:
        torch.manual_seed(1)
        model = person_detector(width=0.25, channels=16, hidden=8, input_size=64)
        loop = LoopConfig(steps=2, checkpoint_every=1, bf16=False, seed=2)
        return train(model, batches, losses, tmp_path / name, loop, resume=True).state_dict()

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("halves", interrupted)
    resumed = run("halves")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


SMALL: dict[str, int | float] = {"width": 0.25, "channels": 16, "hidden": 8}


def start(builder: str, init: Path | None = None, guide: Path | None = None) -> Any:
    return initialised(Settings(builder, SMALL, guide, freeze=2), init)


def write_guide(path: Path) -> Path:
    """The published guide's .npz with random weights, the person's bias of every level 1, 2 and 3."""
    torch.manual_seed(5)
    guide = NanoDet()
    with torch.no_grad():
        for level, out in enumerate(guide.out):
            out.get_parameter("bias").fill_(level + 1)
    np.savez(path, **published_arrays(guide))  # type: ignore[arg-type]
    return path


def test_a_guided_detector_starts_from_an_unguided_one_and_its_guide(
    tmp_path: Path,
) -> None:
    torch.manual_seed(4)
    first = person_detector(width=0.25, channels=16, hidden=8)
    init = tmp_path / "detector.safetensors"
    save_weights(init, first, Card())
    guide = write_guide(tmp_path / "guide.npz")
    model = start("guided_person_detector", init, guide)
    assert [float(out.bias[0]) for out in model.backbone.guide.out] == [1.0, 2.0, 3.0]
    loaded = model.state_dict()
    for name, tensor in first.state_dict().items():
        torch.testing.assert_close(
            loaded[name], tensor.half().float() if tensor.is_floating_point() else tensor
        )
    assert not any(p.requires_grad for p in model.backbone.body.features[:2].parameters())
    assert any(p.requires_grad for p in model.backbone.body.features[2].parameters())
    # and the next one from both together
    save_weights(init, model, Card())
    again = start("guided_person_detector", init).state_dict()
    assert all(torch.equal(again[name], loaded[name].half().float()) for name in again if "guide.out" in name)


@pytest.mark.parametrize(
    ("builder", "others", "message"),
    [
        ("guided_person_detector", {}, "guided_person_detector needs the weights of its guide"),
        ("guided_person_detector", {"init": Path("trunk.npz")}, "needs the weights of its guide"),
        (
            "person_detector",
            {"guide": Path("guide.npz")},
            "person_detector takes no guide; pass --builder guided_person_detector",
        ),
    ],
)
def test_a_guide_where_there_is_none(builder: str, others: dict[str, Path], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        start(builder, **others)

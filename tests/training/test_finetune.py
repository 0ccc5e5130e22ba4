"""Fine-tuning from labels to a new model: what it writes, that it goes on, and what it refuses."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.drawn_data import write_drawn_people
from helpers.stand_ins import FIGURES, logistic
from helpers.tiny_model import write_tiny_model

from posepart import load
from posepart.cli.main import main
from posepart.data.coco_source import CocoSource
from posepart.data.readers import read_samples
from posepart.io.files import read_json
from posepart.metrics.bootstrap import Interval, PairedDifference
from posepart.metrics.measure import Comparison
from posepart.models.model_set import find_model, read_card
from posepart.models.weight_files import read_tensors
from posepart.stages.features import FEATURE_NAMES, OFFSET_FEATURES
from posepart.stages.pairwise import PairwiseModel
from posepart.training import finetune as module
from posepart.training.finetune import Finetuned, OwnData, finetune, split_samples
from posepart.training.finetune_stages import FinetuneConfig
from posepart.training.jobs import pose

SMALL = FinetuneConfig(steps=2, share=0.25, scenes=2, held_out_scenes=1, batch_size=2, threads=1)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of tiny untrained networks."""
    return write_tiny_model(
        tmp_path_factory.mktemp("models") / "tiny",
        PairwiseModel(logistic(FEATURE_NAMES), logistic(OFFSET_FEATURES)),
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled") / "drawn"
    return write_drawn_people(folder, [FIGURES[k % 2 : 3] for k in range(6)])


@pytest.fixture(scope="module")
def data(photos: Path) -> OwnData:
    return split_samples(read_samples(CocoSource(photos / "person_keypoints_val.json"), "train"))


def test_every_fifth_photo_is_kept_back_whatever_their_order(data: OwnData) -> None:
    assert (len(data.train), len(data.val)) == (4, 2)
    names = {sample.name for sample in data.val}
    again = split_samples([*data.train[::-1], *data.val[::-1]])
    assert {sample.name for sample in again.val} == names
    with pytest.raises(ValueError, match=r"expected at least 5 photos .* got 4"):
        split_samples(data.train)


def test_stopped_and_continued(
    base: Path, data: OwnData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, model = tmp_path / "mine", find_model(base)

    def stop(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, "_compare", stop)
        with pytest.raises(KeyboardInterrupt):
            finetune(data, model, out, SMALL)
    assert not out.exists()
    with pytest.raises(ValueError, match="holds an unfinished run with other photos or settings; remove it"):
        finetune(data, model, out, replace(SMALL, steps=3))
    trained = out.with_name("mine.unfinished") / "pose" / "pose.safetensors"
    old, new = read_tensors(base / "pose.safetensors"), read_tensors(trained)
    monkeypatch.setattr(pose, "train", stop)  # it is trained already
    result = finetune(data, model, out, replace(SMALL, threads=2))
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]

    written = read_tensors(out / "pose.safetensors")
    for name, tensor in written.items():
        if tensor.is_floating_point() and tensor.numel():
            torch.testing.assert_close(tensor, 0.75 * old[name] + 0.25 * new[name], atol=2e-3, rtol=2e-3)
    assert any(not torch.equal(written[name], old[name]) for name in old)
    for stage in ("detector", "part", "refine", "crf"):
        assert (out / f"{stage}.safetensors").read_bytes() == (base / f"{stage}.safetensors").read_bytes()
    assert read_card(out / "pose.safetensors").photos == {"own": 4, "synthetic": 2}
    calibration = read_card(out / "calibration.safetensors")
    assert calibration.pose_sha256 == read_card(out / "pose.safetensors").sha256

    record = read_json(out / "finetune.json")
    assert record["verdict"] == result.verdict
    assert {read_card(out / f"{stage}.safetensors").name for stage in ("pose", "calibration")} == {"mine"}
    assert record["val"] == [sample.name for sample in data.val]
    assert {row["measure"] for row in record["comparisons"]["own"]} == {row.name for row in result.own}
    assert load(out).calibration is not None
    assert load(out)(np.zeros((60, 80, 3), np.uint8)).size == (80, 60)
    with pytest.raises(ValueError, match="mine: is there already; choose a new folder"):
        finetune(data, model, out, SMALL)


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (
            0.01,
            0.05,
            "pck_exact on photos that were kept back: +3.0 points (+1.0 .. +5.0): the new model is better",
        ),
        (-0.01, 0.07, "kept back: +3.0 points (-1.0 .. +7.0), which may be chance."),
        (-0.09, -0.01, "kept back: +3.0 points (-9.0 .. -1.0): the new model is worse there."),
    ],
)
def test_verdict(low: float, high: float, told: str) -> None:
    paired = PairedDifference(Interval(0.03, low, high), 0.5)
    rows = [Comparison(name, 0.6, 0.63, paired, n) for name, n in (("pck_human", 0), ("pck_exact", 20))]
    assert told in Finetuned((*rows,), ()).verdict
    for few in ((), (rows[0],)):
        assert Finetuned(few, ()).verdict.startswith(
            "Photos with joints that were kept back: 0, too few to tell"
        )
    assert ": 19, too few to tell" in Finetuned((replace(rows[1], photos=19),), ()).verdict


def test_labels_are_needed_on_both_sides(base: Path, data: OwnData, tmp_path: Path) -> None:
    """A data set may bring a val part of its own, which `split_samples` does not see."""
    bare = [replace(sample, people=()) for sample in data.val]
    for wrong, told in (
        (OwnData(data.train, bare), "no photo that is kept back has labels"),
        (OwnData(data.train, []), "no photo that is kept back has labels"),
        (OwnData(bare, data.val), "nobody in the photos to train on has labelled joints"),
    ):
        with pytest.raises(ValueError, match=told):
            finetune(wrong, find_model(base), tmp_path / "mine", SMALL)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"stages": ("pose", "part")}, "the data has no part maps: leave part out of --stages"),
        ({"stages": ("detector",)}, "stages: expected some of pose, part, crf, got detector"),
        ({"stages": ()}, "stages: expected some of pose, part, crf, got none"),
        ({"steps": 0}, "steps: expected at least 1, got 0"),
        ({"seed": -1}, "seed: expected at least 0, got -1"),
        ({"share": 0.0}, "share: expected more than 0 and at most 1"),
        ({"own": 1.5}, "own: expected more than 0 and at most 1"),
    ],
)
def test_refused(settings: dict[str, Any], told: str, base: Path, data: OwnData, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=told):
        finetune(data, find_model(base), tmp_path / "mine", replace(SMALL, **settings))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "what to train on?"),
        (["--data", "labels.json"], "where does the model go?"),
        (["--data", "labels.json", "-o", "mine"], "labels.json: no such file"),
        (["--data", "labels.json", "-o", "mine", "--from", "nothing"], "nothing: no installed model"),
        (["--data", "labels.json", "-o", "mine", "--threads", "0"], "--threads: expected at least 1"),
    ],
)
def test_the_command_refuses(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["finetune", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_command(
    base: Path,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the networks' training left out, which the tests above have."""
    seen: list[Any] = []

    def remembered(*given: Any) -> Any:
        seen.extend(given)
        return module.Finetuned((), ())

    monkeypatch.setattr(module, "finetune", remembered)
    labels = str(photos / "person_keypoints_val.json")
    arguments = ["--data", labels, "--images", str(photos / "images"), "-o", str(tmp_path / "mine")]
    assert main(["finetune", *arguments, "--from", str(base), "--stages", "pose", "crf", "--steps", "7"]) == 0
    own, model, out, config = seen
    assert (len(own.train), len(own.val)) == (4, 2)
    assert (model.name, out.name) == ("tiny", "mine")
    assert (config.stages, config.steps) == (("pose", "crf"), 7)
    told = capsys.readouterr().out
    assert "4 photos to train on, 2 kept back" in told and "before and after\nmeasure  before  after" in told
    assert "kept back: 0, too few to tell" in told
    (tmp_path / "taken").mkdir()
    assert main(["finetune", *arguments[:-1], str(tmp_path / "taken"), "--from", str(base)]) == 2
    assert "taken: is there already" in capsys.readouterr().err

"""experiments/predict_lip.py: both submissions of LIP, several people in CIHP, and what is continued or refused."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import predict_lip
import pytest
import torch
from helpers.lip_layout import write_atr, write_cihp, write_lip, write_mpii
from jsonargparse import Namespace

from posepart.config import CropConfig, JPPNetInferenceConfig
from posepart.data.cihp import read_cihp
from posepart.data.lip import read_lip
from posepart.data.lip_files import read_pose_submission
from posepart.io.label_maps import read_label_map
from posepart.jppnet.pictures import BodyParser
from posepart.metrics.lip_family import score_cihp
from posepart.models.builders import build
from posepart.models.model_set import Card
from posepart.models.weight_files import save_weights
from posepart.schema import BodySchema
from posepart.schema.atr_and_cihp import CIHP
from posepart.schema.lip import LIP
from posepart.structures import PersonBoxes

SMALL = {"width": 0.35, "channels": 8}
JPPNET: tuple[str, dict[str, Any]] = (
    "jppnet_s",
    {"labels": 20, "joints": 16, "stages": 0, "width": 0.35, "channels": 8},
)
PARSER: tuple[str, dict[str, Any]] = ("attention_s", {"labels": 20, "width": 0.35, "scales": [1.0]})


def weights(folder: Path, network: tuple[str, dict[str, Any]], schema: BodySchema = LIP) -> Path:
    torch.manual_seed(0)
    builder, arguments = network
    path = folder / f"{builder}.safetensors"
    names = {"joints": list(schema.joints), "parts": list(schema.labels)}
    stage = {"jppnet_s": "jppnet", "joints_s": "joints"}.get(builder, "parsing")
    card = Card(name="tiny", stage=stage, schema=names, builder=builder, arguments=arguments)
    save_weights(path, build(builder, arguments), card)
    return path


def options(model: Path, data: Path, out: Path, split: str = "val") -> Namespace:
    crop = CropConfig(size=64, margin=1.0)
    views = JPPNetInferenceConfig(scales=(0.5, 1.0))
    given = {"model": model, "data": data, "split": split, "out": out}
    return Namespace(**given, boxes="labels", device="cpu", crop=crop, views=views, limit=None, batch_size=1)


def test_both_submissions(tmp_path: Path) -> None:
    data = write_lip(tmp_path / "LIP", {"train": 1, "val": 3, "test": 2})
    model = weights(tmp_path, JPPNET)
    out = tmp_path / "out"
    predict_lip.predict(options(model, data, out))
    poses = read_pose_submission(out / "pose.csv")
    assert list(poses) == [picture.name for picture in read_lip(data, "val")]  # the server's order
    assert all(xy.shape == (16, 2) and (xy > -16).all() and (xy < 91).all() for xy in poses.values())
    for name in poses:
        labels = read_label_map(out / "parsing" / f"{Path(name).stem}.png", 20)
        assert labels.shape == (90, 60)
    predict_lip.predict(options(model, data, tmp_path / "test", "test"))  # which has no labels
    assert len(read_pose_submission(tmp_path / "test" / "pose.csv")) == 2


def test_pictures_at_once_are_as_one_by_one(tmp_path: Path) -> None:
    data, model = write_lip(tmp_path / "LIP", {"val": 3}), weights(tmp_path, JPPNET)
    for size in (1, 2):
        chosen = options(model, data, tmp_path / f"{size}")
        chosen.batch_size = size
        predict_lip.predict(chosen)
    one, two = (read_pose_submission(tmp_path / f"{size}" / "pose.csv") for size in (1, 2))
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])
        labels = [
            read_label_map(tmp_path / f"{size}" / "parsing" / f"{Path(name).stem}.png", 20) for size in (1, 2)
        ]
        assert (labels[0] != labels[1]).mean() < 0.01


def test_a_run_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, out = write_lip(tmp_path / "LIP", {"val": 4}), tmp_path / "out"
    model = weights(tmp_path, JPPNET)
    seen: list[int] = []
    see = BodyParser.see

    def counting(self: BodyParser, crops: Sequence[object]) -> list[object]:
        seen.append(len(crops))
        if len(seen) == 3:
            raise KeyboardInterrupt
        return see(self, crops)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr(BodyParser, "see", counting)
    with pytest.raises(KeyboardInterrupt):
        predict_lip.predict(options(model, data, out))
    assert not (out / "pose.csv").exists()
    with (out / predict_lip.UNFINISHED).open("a") as file:
        file.write('["1002_2.jpg", 1.0')  # cut short
    predict_lip.predict(options(model, data, out))
    assert len(seen) == 3 + 2
    predict_lip.predict(options(model, data, tmp_path / "at_once"))
    assert (out / "pose.csv").read_bytes() == (tmp_path / "at_once" / "pose.csv").read_bytes()
    changed = options(model, data, out)
    changed.crop = CropConfig(size=96, margin=1.0)
    with pytest.raises(ValueError, match="holds predictions of another model or other settings"):
        predict_lip.predict(changed)


def test_a_parsing_network_gives_labels_only(tmp_path: Path) -> None:
    data = write_lip(tmp_path / "LIP", {"val": 2})
    predict_lip.predict(options(weights(tmp_path, PARSER), data, tmp_path / "out"))
    assert len(list((tmp_path / "out" / "parsing").iterdir())) == 2
    assert not (tmp_path / "out" / "pose.csv").exists()


def test_a_pose_network_gives_joints_only(tmp_path: Path) -> None:
    data = write_lip(tmp_path / "LIP", {"val": 2})
    model = weights(tmp_path, ("joints_s", {"joints": 16, "width": 0.35}))
    predict_lip.predict(options(model, data, tmp_path / "out"))
    assert len(read_pose_submission(tmp_path / "out" / "pose.csv")) == 2
    assert not (tmp_path / "out" / "parsing").exists()


def test_several_people(tmp_path: Path) -> None:
    data = write_cihp(tmp_path / "CIHP", {"val": 2})
    out = tmp_path / "out"
    predict_lip.predict(options(weights(tmp_path, PARSER, CIHP), data, out))
    for name in ("0000000", "0000001"):
        labels = read_label_map(out / "Category_ids" / f"{name}.png", 20)
        people = read_label_map(out / "Human_ids" / f"{name}.png", 255)
        assert labels.shape == people.shape == (90, 120)
        assert ((people > 0) == (labels > 0)).all()
        assert set(np.unique(people)) <= {0, 1, 2}
    assert (out / "people.csv").read_text().splitlines()[0] == "0000000.jpg,1,1.0"


def test_the_people_of_a_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody in the first picture, somebody in the second."""
    found = [
        PersonBoxes.empty(),
        PersonBoxes(np.array([[9, 5, 60, 80]], np.float32), np.array([0.7], np.float32)),
    ]
    model = Namespace(detector=lambda image: found.pop(0))
    monkeypatch.setattr(predict_lip, "load", lambda name, device: model)
    chosen = options(
        weights(tmp_path, PARSER, CIHP), write_cihp(tmp_path / "CIHP", {"val": 2}), tmp_path / "out"
    )
    chosen.boxes = "posepart-s"
    predict_lip.predict(chosen)
    assert not read_label_map(tmp_path / "out" / "Category_ids" / "0000000.png", 20).any()
    line = (tmp_path / "out" / "people.csv").read_text()
    assert line.startswith("0000001.jpg,1,0.69999") or line == "0000001.jpg,1,0.7\n"
    pictures = read_cihp(tmp_path / "CIHP", "val")
    assert score_cihp(pictures, tmp_path / "out").instances.ap_p <= 1


@pytest.mark.parametrize(("write", "split"), [(write_atr, "val"), (write_mpii, "single")])
def test_the_other_data_sets(tmp_path: Path, write: Callable[[Path], Path], split: str) -> None:
    predict_lip.predict(options(weights(tmp_path, JPPNET), write(tmp_path / "data"), tmp_path / "out", split))
    assert len(read_pose_submission(tmp_path / "out" / "pose.csv")) == 2


def test_what_is_refused(tmp_path: Path) -> None:
    model, data = weights(tmp_path, JPPNET), write_mpii(tmp_path / "MPII")
    with pytest.raises(ValueError, match="split val has pictures of several people; take --split single"):
        predict_lip.predict(options(model, data, tmp_path / "out"))
    odd = BodySchema("odd", (), (), ("background",), (0,))
    with pytest.raises(ValueError, match="its card has joints and parts of no known schema"):
        predict_lip.predict(
            options(weights(tmp_path, PARSER, odd), write_lip(tmp_path / "LIP"), tmp_path / "out")
        )
    command = [
        sys.executable,
        predict_lip.__file__,
        "--model",
        "none",
        "--data",
        str(tmp_path),
        "-o",
        str(tmp_path),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "error: " in result.stderr and "Traceback" not in result.stderr

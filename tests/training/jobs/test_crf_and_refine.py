"""The trainings of the CRF and of the second stage with the settings of the paper, on drawn people."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.drawn_data import write_drawn_people
from helpers.stand_ins import FIGURES, SeesJoints, SeesParts
from PIL import Image
from torch import Tensor, nn

from posepart.config import PAPER, CropConfig
from posepart.data.augment import NO_AUGMENTATION
from posepart.data.person_crops import CropBatchConfig
from posepart.loading import load_pairwise, load_second_stage
from posepart.models.model_set import Card, read_card
from posepart.models.refine import StackedRefineFCN
from posepart.models.weight_files import read_tensors
from posepart.stages.pairwise import FEATURE_NAMES
from posepart.training.jobs import crf, refine
from posepart.training.loop import LoopConfig
from posepart.training.run import Run


class PartsAtStride8(SeesParts):
    """A Part FCN of the stride of the paper's."""

    stride = 8

    def forward(self, batch: Tensor) -> Tensor:
        return F.avg_pool2d(super().forward(batch), 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photos of drawn people with parts."""
    people = write_drawn_people(tmp_path / "drawn", [FIGURES[:2], FIGURES[1:], FIGURES])
    (people / "parts").mkdir()
    for photo in (people / "images").iterdir():
        parts = np.zeros((190, 330), np.uint8)
        parts[30:150] = np.arange(120)[:, None] // 20 + 1  # bands of the six parts across the people
        Image.fromarray(parts).save(people / "parts" / photo.name)
    content = (people / "person_keypoints_val.json").read_text()
    (people / "person_keypoints_train.json").write_text(content)
    return people


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pose and part weights whose networks see drawn people without mistakes."""
    networks: dict[str, Callable[[], nn.Module]] = {"pose": SeesJoints, "part": PartsAtStride8}
    for job in (crf, refine):
        for loader in ("load_network", "load_pose"):
            monkeypatch.setattr(job, loader, lambda path: networks[path.stem]())
    monkeypatch.setattr(refine, "read_card", lambda path: Card(sha256=path.stem))


BATCHES = CropBatchConfig(batch_size=4, need="parts", crop=CropConfig(), augment=NO_AUGMENTATION)


@pytest.mark.usefixtures("stand_ins")
def test_stage_by_stage_as_printed(folder: Path, tmp_path: Path) -> None:
    """Sec. 3.2: the CRF on the plain features, then the second stage on label maps of stride 8; both load again."""
    model = tmp_path / "model"
    crf.train(
        crf.Settings(model, crops=8, val_crops=4, features="plain", pipeline=PAPER, batches=BATCHES),
        Run(model, (folder,)),
    )
    weights = load_pairwise(model / "crf.safetensors").variant(True)
    assert weights.columns == weights.term_names == FEATURE_NAMES

    settings = refine.Settings(
        model,
        builder="refine_xia2017",
        crops=4,
        val_crops=4,
        batch_size=1,
        loop=LoopConfig(steps=2, bf16=False, threads=1),
        batches=BATCHES,
        pipeline=PAPER,
    )
    run = Run(tmp_path / "run", (folder,), settings={"loop": {"steps": 2}})
    refine.train(settings, run)
    assert isinstance(load_second_stage(run.folder / "refine.safetensors"), StackedRefineFCN)
    card = read_card(run.folder / "refine.safetensors")
    assert card.skeleton == {"joint_radius": 3, "stick_width": 7, "joint_values": "joints", "sharp": True}
    assert card.builder == "refine_xia2017" and set(card.metrics) >= {"miou_first_stage", "miou_second_stage"}


@pytest.mark.usefixtures("stand_ins")
def test_an_interrupted_fit_is_resumed(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was predicted is not predicted again, and the weights are those of an uninterrupted fit."""
    model, settings = tmp_path / "model", {"crops": 8}
    fit = crf.Settings(model, crops=8, val_crops=4, pipeline=PAPER, batches=BATCHES)
    crf.train(fit, Run(tmp_path / "whole", (folder,), settings=settings))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    run = Run(tmp_path / "parts", (folder,), settings=settings)
    with monkeypatch.context() as patch:
        patch.setattr(crf, "compare_variants", interrupted)
        with pytest.raises(KeyboardInterrupt):
            crf.train(fit, run)
    with pytest.raises(ValueError, match="holds a run already: pass --resume to continue it"):
        crf.train(fit, run)
    with pytest.raises(ValueError, match=r"holds a run with another arguments\.crops: resume it"):
        crf.train(fit, replace(run, resume=True, settings={"crops": 9}))
    monkeypatch.setattr(crf, "pairs_of", interrupted)
    crf.train(fit, replace(run, resume=True))
    whole, parts = (read_tensors(tmp_path / name / "crf.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "config.json", "crf.json", "crf.safetensors", "report.json"
    ]  # fmt: skip

"""Every training on another device than the CPU: a fake one always, and a GPU where there is one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.fake_device import FAKE, FakeDevice
from helpers.people_data import write_people
from torch import Tensor, nn
from torch.utils.data import Dataset

import posepart
from posepart.config import CropConfig, PipelineConfig
from posepart.data.person_crops import CropBatchConfig, PersonCrops
from posepart.models.builders import build
from posepart.models.pose_fcn import PoseNetwork
from posepart.models.weight_files import read_tensors
from posepart.stages.networks import FcnNetworks
from posepart.stages.refinement import Refiner
from posepart.stages.skeleton_maps import PoseEncoder
from posepart.structures import Choice, Pose
from posepart.training.detector import MosaicBatchConfig
from posepart.training.evidence_batches import labelled_evidence
from posepart.training.jobs import detector, joints, jppnet, parsing, part, pose
from posepart.training.loop import LoopConfig, train
from posepart.training.refine import RefineBatches, RefineEvaluation, RefineExamples, RefineLoss
from posepart.training.run import Run, read_people

SMALL = {"width": 0.35}
LOOP = LoopConfig(steps=2, checkpoint_every=1, evaluate_every=2, threads=1, bf16=False)
POSE_CROPS = CropBatchConfig(batch_size=2, crop=CropConfig(size=64))
PART_CROPS = replace(POSE_CROPS, need="parts")
PICTURES = MosaicBatchConfig(batch_size=1)
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

TRAININGS: dict[str, Callable[[LoopConfig], tuple[Any, Any]]] = {
    "pose": lambda loop: (pose, pose.Settings(arguments=SMALL, freeze=0, loop=loop, batches=POSE_CROPS)),
    "part": lambda loop: (part, part.Settings(arguments=SMALL, freeze=0, loop=loop, batches=PART_CROPS)),
    "jppnet": lambda loop: (jppnet, jppnet.Settings(loop=loop, batches=POSE_CROPS)),
    "parsing": lambda loop: (parsing, parsing.Settings(loop=loop, batches=PART_CROPS)),
    "joints": lambda loop: (joints, joints.Settings(freeze=0, loop=loop, batches=POSE_CROPS)),
    "detector": lambda loop: (detector, detector.Settings(loop=loop, batches=PICTURES)),
}
# The numbers of boxes in a detector depend on what it computes, which a fake device does not.
ON_FAKE = [name for name in TRAININGS if name != "detector"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "people"
    folder.mkdir()
    write_people(folder)
    (folder / "person_keypoints_train.json").write_bytes((folder / "person_keypoints_val.json").read_bytes())
    return folder


@pytest.mark.parametrize("name", ON_FAKE)
def test_trainings_and_evaluations_keep_to_their_device(name: str, data: Path, tmp_path: Path) -> None:
    """The fake device also refuses what would make a GPU wait at every step: conditions on what it computed."""
    job, settings = TRAININGS[name](replace(LOOP, device=FAKE))
    run = Run(tmp_path / "run", (data,))
    with FakeDevice():
        job.train(settings, run)
    assert (run.folder / f"{name}.safetensors").exists()


def second_stage(folder: Path, loop: LoopConfig, resume: bool = False) -> nn.Module:
    """A short training of the second stage on random examples."""
    rng = np.random.default_rng(0)
    examples = RefineExamples.stack([
        (
            rng.dirichlet(np.ones(7), (16, 16)).transpose(2, 0, 1),
            Pose(rng.uniform(0, 64, (14, 2)).astype(np.float32), np.ones(14, np.float32), 0.0),
            rng.integers(0, 7, (16, 16)).astype(np.uint8),
        )
        for _ in range(4)
    ])  # fmt: skip
    torch.manual_seed(0)
    network: Any = build("refine_distances")
    encode = PoseEncoder(network.encoding, 64)
    stream, evaluate = RefineBatches(examples, encode, 2, 0), RefineEvaluation(examples, encode)
    return train(network, stream, RefineLoss((1.0,) * 7), folder, loop, resume=resume, evaluate=evaluate)


def test_the_second_stage_keeps_to_its_device(tmp_path: Path) -> None:
    with FakeDevice():
        second_stage(tmp_path, replace(LOOP, device=FAKE))


def test_predictions_for_crf_and_second_stage_keep_to_their_device(data: Path) -> None:
    pose, part = (build(f"{name}_mobilenet_v2", SMALL).eval().to(FAKE) for name in ("pose", "part"))
    assert isinstance(pose, PoseNetwork)
    config = PipelineConfig(crop=POSE_CROPS.crop, upright_pose=False)  # which looks at what it computed
    crops = PersonCrops(read_people([data], "train"), POSE_CROPS)
    refine: Any = build("refine_distances")
    with FakeDevice():
        seen = list(labelled_evidence(crops, 1, FcnNetworks(pose, part, config, FAKE)))
        refiner = Refiner(refine.eval().to(FAKE), config, device=FAKE)
        refiner([crop.evidence.parts for crop in seen], [Choice(None, ()) for _ in seen])
    assert len(seen) == POSE_CROPS.batch_size


def test_a_device_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"device 'cuda:99' cannot be used here .*pass --device cpu"):
        second_stage(tmp_path / "run", replace(LOOP, device="cuda:99"))
    assert not (tmp_path / "run").exists()


# With a GPU


@GPU
@pytest.mark.parametrize("name", TRAININGS)
@pytest.mark.parametrize("bf16", [False, True])
def test_gpu_trains_and_resumes(name: str, bf16: bool, data: Path, tmp_path: Path) -> None:
    """To the end, and further from the first checkpoint of a run of as many steps."""
    loop = replace(LOOP, device="cuda", bf16=bf16, workers=2)
    job, settings = TRAININGS[name](loop)
    run = Run(tmp_path / "run", (data,))
    job.train(settings, run)
    state = torch.load(run.folder / "checkpoint.pt", map_location="cpu", weights_only=True)
    assert state["step"] == 2 and "cuda_rng" in state
    job.train(settings, replace(run, resume=True))
    weights = read_tensors(run.folder / f"{name}.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in weights.values() if tensor.is_floating_point())


@GPU
def test_gpu_second_stage(tmp_path: Path) -> None:
    network = second_stage(tmp_path, replace(LOOP, device="cuda"))
    assert next(network.parameters()).is_cuda


class Numbers(Dataset[Tensor]):
    """Batch `i` is drawn from seed `i`; `fail_at` interrupts."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.fail_at = fail_at

    def __getitem__(self, step: int) -> Tensor:
        if step == self.fail_at:
            raise KeyboardInterrupt
        return torch.randn(4, 3, generator=torch.Generator().manual_seed(step))


@GPU
def test_gpu_resumes_bit_for_bit_with_dropout(tmp_path: Path) -> None:
    """The random state of the GPU, from which dropout draws, is in the checkpoint."""

    def network() -> nn.Module:
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.ReLU(), nn.Linear(8, 1))

    def losses(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
        return {"loss": (model(batch)[:, 0] - batch.sum(1)).square().mean()}

    config = replace(LOOP, steps=40, checkpoint_every=10, device="cuda", deterministic=True)
    whole = train(network(), Numbers(), losses, tmp_path / "whole", config)
    with pytest.raises(KeyboardInterrupt):
        train(network(), Numbers(fail_at=25), losses, tmp_path / "parts", config)
    resumed = train(network(), Numbers(), losses, tmp_path / "parts", config, resume=True)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor)


@GPU
def test_gpu_predicts_as_the_cpu_does(data: Path) -> None:
    """The shipped model finds the same people, at almost the same places."""
    photo = posepart.read_photo(sorted((data / "images").iterdir())[0])
    there, here = (posepart.load("posepart-s", device=device)(photo) for device in ("cuda", "cpu"))
    assert len(there.people) == len(here.people)
    for found, expected in zip(there.people, here.people, strict=True):
        np.testing.assert_allclose(found.box, expected.box, atol=2.0)


@GPU
@pytest.mark.parametrize(
    "builder", ["hazn_s", "graph_lstm_s", "lg_lstm_s", "cpm_s", "stacked_hourglass_s", "segnet_s"]
)
def test_gpu_baselines(builder: str) -> None:
    """Those of which a fake device knows too little, too: windows and superpixels depend on what is computed."""
    network = build(builder).to("cuda")
    network(torch.zeros(2, 3, 128, 128, device="cuda"))

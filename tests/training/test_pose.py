"""Losses and evaluation of the Pose FCN, by hand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posepart.config import CropConfig
from posepart.data.sample import LabelledPerson, Sample
from posepart.metrics.pck import pck_hits
from posepart.models.backbones import Backbone
from posepart.models.fcn import PoseFCN
from posepart.schema import FLIP_JOINTS, LIMB_JOINTS, NEIGHBOURS, Joint
from posepart.training.looks import averaged_looks, look_losses
from posepart.training.pose import (
    MOVENET_SOURCES,
    PoseEvaluation,
    decode_maxima,
    offset_statistics,
)
from posepart.training.pose_loss import PoseLoss, PoseLossConfig, joint_losses, joint_targets

SampleOf = Callable[..., Sample]
JointsAt = Callable[..., NDArray[np.float32]]


class Pooled(Backbone):
    """Three channels at stride 4."""

    channels = (3,)
    strides = (4,)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [nn.functional.avg_pool2d(x, 4)]


def small_network() -> PoseFCN:
    torch.manual_seed(0)
    return PoseFCN(Pooled(), heat_widths=(4,), wide_widths=(4,), hidden=4)


def channel(joint: Joint, neighbour: Joint) -> int:
    """Number of the first of the two offset maps from a joint to another."""
    return 2 * (13 * int(joint) + int(np.flatnonzero(NEIGHBOURS[joint] == neighbour)[0]))


def test_movenet_channels_are_those_of_coco() -> None:
    coco = [
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
        "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee",
        "left_ankle", "right_ankle",
    ]  # fmt: skip
    assert [coco[c] for c in MOVENET_SOURCES[Joint.FOREHEAD]] == ["left_eye", "right_eye"]
    assert MOVENET_SOURCES[Joint.NECK] == ()
    for joint in list(Joint)[2:]:
        assert [coco[c] for c in MOVENET_SOURCES[joint]] == [joint.name.lower()]


def test_targets_without_joints_are_empty() -> None:
    assert not joint_targets(torch.zeros(2, 3, 14, 3), (4, 5), 4, 6.0).any()


def test_targets_by_hand() -> None:
    joints = torch.zeros(1, 2, 14, 3)
    joints[0, 0, Joint.NECK] = torch.tensor([5.5, 1.5, 1.0])  # the centre of cell (1, 0) at stride 4
    joints[0, 1, Joint.NECK] = torch.tensor([13.5, 1.5, 1.0])  # two cells further right
    targets = joint_targets(joints, (2, 4), 4, 4.0)
    assert targets.shape == (1, 14, 2, 4)
    # Gaussians of deviation one cell; the maximum over people, not the sum
    a, b = np.exp(-0.5), np.exp(-1.0)
    expected = torch.tensor([[a, 1.0, a, 1.0], [b, a, b, a]], dtype=torch.float32)
    torch.testing.assert_close(targets[0, Joint.NECK], expected)
    assert not targets[0, Joint.FOREHEAD].any()


def test_other_people_may_be_lower() -> None:
    joints = torch.zeros(1, 2, 14, 3)
    joints[0, 0, Joint.NECK] = torch.tensor([5.5, 1.5, 1.0])
    joints[0, 1, Joint.NECK] = torch.tensor([13.5, 1.5, 1.0])
    a, b = np.exp(-0.5), np.exp(-1.0)
    expected = torch.tensor([[a, 1.0, a, 0.5], [b, a, b, 0.5 * a]], dtype=torch.float32)
    torch.testing.assert_close(joint_targets(joints, (2, 4), 4, 4.0, others=0.5)[0, Joint.NECK], expected)


def test_joint_losses_by_hand() -> None:
    logits, target = torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2)
    target[0, 0, 0, 1] = 1.0
    ignore = torch.zeros(1, 2, 2, dtype=torch.bool)
    localisation, presence = joint_losses(logits, target, ignore)
    # equal logits over 4 cells; log 2 in each cell of each map, scaled from 4 cells to 64 x 64
    assert float(localisation) == pytest.approx(np.log(4))
    assert float(presence) == pytest.approx(4 * np.log(2) * 4096 / 4, rel=1e-5)


def test_ignored_cells_do_not_count_unless_a_joint_is_there() -> None:
    logits, target = torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2)
    target[0, 0, 0, 1] = 1.0
    ignore = torch.ones(1, 2, 2, dtype=torch.bool)
    _, presence = joint_losses(logits, target, ignore)
    assert float(presence) == pytest.approx(0.5 * np.log(2) * 4096 / 4, rel=1e-5)  # 1 cell in 2 maps


def test_maps_without_a_joint_have_no_place_to_learn() -> None:
    logits = torch.randn(1, 14, 4, 4)
    localisation, _ = joint_losses(logits, torch.zeros(1, 14, 4, 4), torch.zeros(1, 4, 4, dtype=torch.bool))
    assert float(localisation) == 0


def offset_batch() -> dict[str, Tensor]:
    """A neck at the centre of cell (3, 3) and a left hip 10 px right, 20 px below it."""
    joints = torch.zeros(1, 2, 14, 3)
    joints[0, 0, Joint.NECK] = torch.tensor([13.5, 13.5, 1.0])
    joints[0, 0, Joint.LEFT_HIP] = torch.tensor([23.5, 33.5, 1.0])
    return {
        "image": torch.zeros(1, 3, 64, 64, dtype=torch.uint8),
        "joints": joints,
        "ignore": torch.zeros(1, 16, 16, dtype=torch.bool),
    }


def test_offset_loss_by_hand() -> None:
    network = small_network().requires_grad_(False)
    network.offset_out.weight.zero_()
    bias = network.offset_out.get_parameter("bias").zero_()
    network.offset_deviation.fill_(10.0)
    out, back = channel(Joint.NECK, Joint.LEFT_HIP), channel(Joint.LEFT_HIP, Joint.NECK)
    bias[out : out + 2] = torch.tensor([1.0, 2.0])  # (10, 20) px, true at the joint's own cell
    bias[back : back + 2] = torch.tensor([-1.0, -2.0])
    loss = PoseLoss(PoseLossConfig())(network, offset_batch())["offsets"]
    # the 9 cells around lie -4, 0 or 4 px off: errors 0.4, 0, 0.4 deviations; smooth L1 with beta 0.5 is
    # 0.4^2 / (2 * 0.5) = 0.16 in two thirds of the cells (the hip lies between cells: 23.5, 33.5 is cell (6, 8)
    # whose centre (25.5, 33.5) is 2 px off, so the x errors are 0.2, 0.2 and 0.6: 0.04, 0.04, 0.6 - 0.25)
    neck = (0.16 * 2 / 3, 0.16 * 2 / 3)
    hip = ((0.04 + 0.04 + 0.35) / 3, 0.16 * 2 / 3)
    assert float(loss) == pytest.approx((sum(neck) + sum(hip)) / 4, rel=1e-4)


def test_offsets_are_normalised_by_mean_and_deviation() -> None:
    network = small_network().requires_grad_(False)
    network.offset_out.weight.zero_()
    network.offset_out.get_parameter("bias").zero_()
    reference = PoseLoss(PoseLossConfig())(network, offset_batch())["offsets"]
    out, back = channel(Joint.NECK, Joint.LEFT_HIP), channel(Joint.LEFT_HIP, Joint.NECK)
    network.offset_mean[out : out + 2] = torch.tensor([10.0, 20.0])
    network.offset_mean[back : back + 2] = torch.tensor([-10.0, -20.0])
    centred = PoseLoss(PoseLossConfig())(network, offset_batch())["offsets"]
    assert float(centred) < 0.2 * float(reference)


def test_a_batch_without_any_joint_has_a_finite_loss() -> None:
    network = small_network()
    batch = offset_batch()
    batch["joints"].zero_()
    losses = PoseLoss(PoseLossConfig())(network, batch)
    assert losses["localisation"].item() == losses["offsets"].item() == 0
    losses["loss"].backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_the_loss_is_the_weighted_sum_of_its_terms() -> None:
    config = PoseLossConfig(localisation=2.0, presence=0.5, offsets=3.0)
    losses = PoseLoss(config)(small_network(), offset_batch())
    expected = 2 * losses["localisation"] + 0.5 * losses["presence"] + 3 * losses["offsets"]
    torch.testing.assert_close(losses["loss"], expected)


def test_a_teacher_is_followed() -> None:
    """Its own maps are those that cost the network least, and no gradient reaches it."""
    network, teacher, batch = small_network(), small_network(), offset_batch()
    nn.init.normal_(teacher.joint_out.weight, std=3.0)  # type: ignore[arg-type]
    nn.init.normal_(network.joint_out.weight, std=3.0)  # type: ignore[arg-type]
    plain = PoseLoss(PoseLossConfig())(network, batch)
    loss = PoseLoss(PoseLossConfig(looks=2.0, teacher=Path("pose.safetensors")))
    loss.teacher = teacher
    followed = loss(network, batch)
    extra = 2 * (followed["looks_where"] + 0.05 * followed["looks_whether"])
    torch.testing.assert_close(followed["loss"], plain["loss"] + extra)
    followed["loss"].backward()
    assert all(p.grad is None for p in teacher.parameters())
    images = torch.randn(2, 3, 64, 64)
    wanted = averaged_looks(teacher, images)
    with torch.autocast("cpu", torch.bfloat16):  # as the network is trained where that is fast
        assert torch.equal(averaged_looks(teacher, images), wanted)
    mirrored = averaged_looks(teacher, images.flip(-1))[:, list(FLIP_JOINTS)].flip(-1)
    torch.testing.assert_close(mirrored.mean(), wanted.mean(), atol=1e-3, rtol=1e-3)
    own, others = look_losses(wanted, wanted), look_losses(wanted.roll(5, -1), wanted)
    assert own[0] < others[0] and own[1] < others[1]


def test_a_teacher_has_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"loss\.looks is 1\.0: name the weights of a Pose FCN as loss\.teacher"
    ):
        PoseLossConfig(looks=1.0)
    loss = PoseLoss(PoseLossConfig(looks=1.0, teacher=tmp_path / "none.safetensors"))
    with pytest.raises(ValueError, match=r"none\.safetensors"):
        loss(small_network(), offset_batch())


def person(joints: NDArray[np.float32] | None, **more: str) -> LabelledPerson:
    return LabelledPerson(np.array([0, 0, 80, 80], np.float32), joints, **more)  # type: ignore[arg-type]


CROP = CropConfig(size=200, margin=1.25)  # a box of 80 px: two crop pixels per photo pixel


def test_offset_statistics_by_hand(sample_of: SampleOf, joints_at: JointsAt) -> None:
    people = [
        person(joints_at({Joint.NECK: (40.0, 20.0), Joint.LEFT_HIP: (45.0, 50.0)})),
        person(
            joints_at({Joint.NECK: (40.0, 20.0), Joint.LEFT_HIP: (55.0, 40.0), Joint.LEFT_KNEE: (40.0, 21.0)})
        ),
        person(None),
    ]
    mean, deviation = offset_statistics([sample_of(np.zeros((80, 80, 3), np.uint8), people)], CROP)
    assert (mean.shape, mean.dtype, deviation.shape) == ((364,), torch.float32, (364,))
    out, back = channel(Joint.NECK, Joint.LEFT_HIP), channel(Joint.LEFT_HIP, Joint.NECK)
    torch.testing.assert_close(mean[out : out + 2], torch.tensor([20.0, 50.0]))  # (10, 60) and (30, 40) px
    torch.testing.assert_close(deviation[out : out + 2], torch.tensor([10.0, 10.0]))
    torch.testing.assert_close(mean[back : back + 2], torch.tensor([-20.0, -50.0]))
    knee = channel(Joint.NECK, Joint.LEFT_KNEE)
    torch.testing.assert_close(deviation[knee : knee + 2], torch.tensor([4.0, 4.0]))  # never near zero


@pytest.mark.filterwarnings("error")
def test_offset_statistics_are_finite_for_pairs_never_seen(sample_of: SampleOf, joints_at: JointsAt) -> None:
    people = [person(joints_at({Joint.NECK: (40.0, 20.0), Joint.LEFT_HIP: (45.0, 50.0)}))]
    mean, deviation = offset_statistics([sample_of(np.zeros((80, 80, 3), np.uint8), people)], CROP)
    unseen = channel(Joint.NECK, Joint.LEFT_KNEE)
    assert mean[unseen : unseen + 2].tolist() == [0, 0]
    assert deviation[unseen : unseen + 2].tolist() == [32, 32]


def test_offset_statistics_need_joints(sample_of: SampleOf) -> None:
    with pytest.raises(ValueError, match="no person with joints"):
        offset_statistics([sample_of(np.zeros((80, 80, 3), np.uint8), [person(None)])], CROP)


def test_decode_maxima() -> None:
    maps = np.zeros((1, 14, 4, 6), np.float32)
    maps[0, Joint.NECK, 3, 5] = 1
    found = decode_maxima(maps, 4)
    assert found.shape == (1, 14, 2)
    assert found[0, Joint.NECK].tolist() == [21.5, 13.5]


def truth(places: dict[Joint, tuple[float, float]]) -> NDArray[np.float32]:
    joints = np.zeros((1, 14, 3), np.float32)
    for joint, (x, y) in places.items():
        joints[0, joint] = x, y, 1
    return joints


class Perfect(PoseFCN):
    """Answers with the truth it was given: a peak at every joint and its true offsets everywhere."""

    def __init__(self, joints: NDArray[np.float32]) -> None:
        super().__init__(Pooled(), heat_widths=(4,), wide_widths=(4,), hidden=4)
        self.joints = torch.from_numpy(joints)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        cells = x.shape[-1] // 4
        logits = joint_targets(self.joints[None, None], (cells, cells), 4, 6.0)
        centres = (torch.arange(cells) + 0.5) * 4 - 0.5
        grid = torch.stack(torch.meshgrid(centres, centres, indexing="xy"))
        others = self.joints[torch.from_numpy(NEIGHBOURS), :2]
        offsets = others[..., None, None] - grid
        return logits.expand(len(x), -1, -1, -1), offsets.reshape(1, 364, cells, cells).expand(
            len(x), -1, -1, -1
        )


def test_evaluation_of_a_perfect_network(sample_of: SampleOf, joints_at: JointsAt) -> None:
    places = {joint: (10.0 + 4 * joint, 70.0 - 3.0 * joint) for joint in Joint}
    places |= {Joint.LEFT_SHOULDER: (20.0, 10.0), Joint.RIGHT_HIP: (50.0, 60.0)}
    joints = joints_at(places)
    people = [person(joints), person(joints, joints_from="teacher"), person(None)]
    sample = sample_of(np.zeros((80, 80, 3), np.uint8), people)
    in_crop = joints.copy()
    in_crop[:, :2] = (joints[:, :2] - 40) * 2 + 99.5  # the box's centre lands in the middle of 200 px
    result = PoseEvaluation([sample], CROP)(Perfect(in_crop))
    assert result == {"pck_human": 1, "offsets_human": 1, "pck_teacher": 1, "offsets_teacher": 1}
    in_crop[Joint.LEFT_WRIST, 0] += 60
    result = PoseEvaluation([sample], CROP)(Perfect(in_crop))
    assert result["pck_human"] == pytest.approx(11 / 12)
    assert result["offsets_human"] == pytest.approx(25 / 26)  # of 13 edges both ways, one points to the wrist


def test_evaluation_without_people() -> None:
    assert PoseEvaluation([], CROP)(small_network()) == {}


def test_the_real_validation_people_are_read(shared: Path) -> None:
    from posepart.data.coco_people import read_coco_people

    folder = shared / "data" / "people"
    if not folder.is_dir():
        pytest.skip("needs people/ in the data folder")
    samples = read_coco_people(folder, "val")[:6]
    evaluation = PoseEvaluation(samples, CropConfig(size=64))
    assert len(evaluation.views) == sum(p.joints is not None for s in samples for p in s.people)


def test_the_measure_of_the_evaluation_by_hand() -> None:
    labelled = truth(
        {
            Joint.LEFT_SHOULDER: (0.0, 0.0),
            Joint.RIGHT_HIP: (30.0, 40.0),  # torso 50 px: hits are nearer than 10 px
            Joint.LEFT_WRIST: (100.0, 0.0),
            Joint.RIGHT_ANKLE: (100.0, 100.0),
            Joint.FOREHEAD: (0.0, 0.0),  # no limb: does not count
        }
    )
    limbs = list(LIMB_JOINTS)
    found = labelled[..., :2].copy()
    found[0, Joint.LEFT_WRIST] += [9.9, 0]
    found[0, Joint.RIGHT_ANKLE] += [0, 10.1]
    found[0, Joint.LEFT_KNEE] = 0, 0  # not labelled: does not count
    hits, counted = pck_hits(found, labelled)
    assert (hits[:, limbs].sum(), counted[:, limbs].sum()) == (3, 4)
    assert not hits[0, Joint.RIGHT_ANKLE]
    hits, counted = pck_hits(found, truth({Joint.LEFT_WRIST: (1.0, 1.0)}))
    assert (hits.sum(), counted.sum()) == (0, 0)  # no torso, no measure

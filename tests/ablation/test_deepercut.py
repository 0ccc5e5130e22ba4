"""DeeperCut: the whole photo at the scale that promises most, without boxes and parts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from helpers.candidates import candidates_of, distance_model, evidence_of, skeleton

from posepart.ablation.deepercut import MAX_PER_JOINT, DeeperCut, at_size_of, deepercut_config
from posepart.config import PipelineConfig
from posepart.structures import Candidates, Crop, Evidence, PartMaps

CONFIG = deepercut_config(PipelineConfig())
PEOPLE = [skeleton(60, 70), skeleton(190, 80)]


@dataclass
class SeesWell:
    """Networks that are sure of two people at 384 px, unsure at other sizes; photos are 256 px."""

    nobody: bool = False
    seen: list[int] = field(default_factory=list)

    def __call__(self, crops: Sequence[Crop]) -> list[Evidence]:
        (crop,) = crops
        size = len(crop.image)
        self.seen.append(size)
        scale = size / 256
        people = [((xy + 0.5) * scale - 0.5).astype(np.float32) for xy in PEOPLE]
        found = Candidates.empty() if self.nobody else candidates_of(people, 0.8 if size == 384 else 0.6)
        parts = np.full((7, size // 4, size // 4), 1 / 7, np.float32)
        return [Evidence(crop, found, PartMaps(parts, 4.0))]


def system(nobody: bool = False) -> tuple[DeeperCut, SeesWell]:
    networks = SeesWell(nobody)
    return DeeperCut(networks, distance_model(), CONFIG), networks


def test_two_people_are_found_without_boxes_at_the_clearest_scale() -> None:
    deepercut, networks = system()
    photo = np.zeros((256, 256, 3), np.uint8)
    assert at_size_of(deepercut.see(photo), CONFIG).crop.size == 384
    assert networks.seen == [256, 384, 512, 768]
    scene = deepercut(photo)
    assert scene.model == "DeeperCut" and len(scene.people) == 2
    found = sorted((person.pose.xy for person in scene.people), key=lambda xy: float(xy[0, 0]))
    for xy, person in zip(found, PEOPLE, strict=True):
        np.testing.assert_allclose(xy, person, atol=1e-3)  # in the frame of the photo
    assert {person.certificate.status for person in scene.people} <= {"heuristic", "optimal"}


def test_a_photo_without_people() -> None:
    scene = system(nobody=True)[0](np.zeros((120, 256, 3), np.uint8))
    assert scene.people == () and scene.part_map.shape == (120, 256)


def test_its_settings_are_those_of_its_paper() -> None:
    assert not CONFIG.features.segment_term and not CONFIG.refine and CONFIG.choice.rule == "all"
    assert (CONFIG.crf.potentials.pairwise_scale, CONFIG.crf.potentials.pairwise_prior) == (1, 0)
    assert CONFIG.candidates.max_per_joint == MAX_PER_JOINT > 6
    assert not CONFIG.crf.labels.unique_joints


def test_two_proposals_of_one_joint_are_one_joint() -> None:
    """Its duplicates: as in the released code, near candidates of one type may belong to one person."""
    person = skeleton(128, 70)
    twice = candidates_of([person, person + 4])
    seen = replace(evidence_of(twice), parts=PartMaps(np.full((7, 64, 64), 1 / 7, np.float32), 4.0))

    def networks(crops: Sequence[Crop]) -> list[Evidence]:
        return [replace(seen, crop=crop) for crop in crops]

    scene = DeeperCut(networks, distance_model(), CONFIG, (256,))(np.zeros((256, 256, 3), np.uint8))
    assert len(scene.people) == 1 and scene.people[0].pose.present.all()

"""Tree-structured baselines: their features, their fits, the people that they find."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.candidates import CONFIG, candidates_of, evidence_of, skeleton
from helpers.stand_ins import FIGURES, boxes_of, draw, pipeline_of

from posepart.ablation.tree_fit import (
    LabelledCrop,
    SeenPhoto,
    fit_edges,
    fit_trees,
    labelled_crops,
    pose_map,
    tempered_tree,
)
from posepart.ablation.trees import (
    EDGE_CLASS,
    TREES,
    TreeAssembler,
    TreeModel,
    edge_features,
    tree_edges,
    tree_problem,
)
from posepart.arrays import Float32
from posepart.config import PipelineConfig
from posepart.data.sample import LabelledPerson, Sample
from posepart.schema import NUM_JOINTS, SKELETON, Joint, Part
from posepart.stages.crops import crop_boxes
from posepart.structures import Candidates, Evidence, PartMaps


def crop_of(people: list[Float32], candidates: Candidates | None = None) -> LabelledCrop:
    """A crop whose labels are `people`, of the first of them; by default its candidates are all their joints."""
    found = candidates_of(people) if candidates is None else candidates
    joints = np.stack([np.column_stack([person, np.ones(NUM_JOINTS)]) for person in people])
    return LabelledCrop(evidence_of(found), joints)


def crowd(seed: int) -> LabelledCrop:
    """Two people beside each other, of whom the Pose FCN is unsure, and ten false candidates."""
    rng = np.random.default_rng(seed)
    people = [
        skeleton(80 + 60 * k, 70) + rng.normal(0, 4, (NUM_JOINTS, 2)).astype(np.float32) for k in range(2)
    ]
    noise = rng.uniform(10, 245, (10, 2)).astype(np.float32)
    clean = candidates_of([*people, np.resize(noise, (NUM_JOINTS, 2))])
    scores = np.zeros_like(clean.scores)
    scores[np.arange(len(clean)), clean.joint] = rng.uniform(0.3, 0.7, len(clean))
    offsets = clean.offsets + rng.normal(0, 8, clean.offsets.shape).astype(np.float32)
    offsets[2 * NUM_JOINTS :] = rng.normal(0, 60, offsets[2 * NUM_JOINTS :].shape)
    return crop_of(people, replace(clean, scores=scores, offsets=offsets))


def indifferent(kind: str, bias: float = 2.0) -> TreeModel:
    """Every edge costs -`bias`."""
    width = edge_features(crowd(0).evidence, TREES[kind], CONFIG).shape[1]
    classes = int(EDGE_CLASS.max()) + 1
    return TreeModel(
        kind, np.zeros(width), np.ones(width), np.zeros((classes, width)), np.full(classes, bias)
    )


def test_the_edges_are_the_13_neighbours() -> None:
    assert len(EDGE_CLASS) == len(SKELETON) == 13 and EDGE_CLASS.max() == 6
    upper, lower, row = tree_edges(np.tile(np.arange(NUM_JOINTS), 2))
    assert len(row) == 4 * 13
    assert [(Joint(u % 14), Joint(v % 14)) for u, v in zip(upper[:4], lower[:4], strict=True)] == [
        SKELETON[0][:2]
    ] * 4
    assert all(len(x) == 0 for x in tree_edges(np.zeros(0, np.int64)))


def test_geometry_by_hand() -> None:
    """dx, dy, dx^2, dy^2, dx dy in shares of the crop; a mirrored limb has the same features."""
    candidates = candidates_of([skeleton(128, 70)])
    _upper, lower, _row = tree_edges(candidates.joint)
    found = edge_features(evidence_of(candidates), TREES["aog_simple"], CONFIG)
    assert found.shape == (13, 5)
    left = next(k for k in range(13) if lower[k] == Joint.LEFT_ELBOW)
    right = next(k for k in range(13) if lower[k] == Joint.RIGHT_ELBOW)
    dx, dy = (candidates.xy[Joint.LEFT_ELBOW] - candidates.xy[Joint.LEFT_SHOULDER]) / 256
    np.testing.assert_allclose(found[left], [dx, dy, dx * dx, dy * dy, dx * dy], rtol=1e-5)
    np.testing.assert_allclose(found[right], found[left], atol=1e-6)


def test_each_tree_sees_what_the_paper_says() -> None:
    """AOG-Simple geometry only, AOG-Seg also f(Ps), Chen & Yuille image-dependent offsets."""
    crop = crowd(1).evidence
    legs = np.zeros_like(crop.parts.scores)
    legs[Part.LOWER_LEG] = 1
    others = {
        "parts": replace(crop, parts=PartMaps(legs, 4.0)),
        "offsets": replace(crop, candidates=replace(crop.candidates, offsets=crop.candidates.offsets + 30)),
    }
    width, sees = {}, {}
    for kind, tree in TREES.items():
        own = edge_features(crop, tree, CONFIG)
        width[kind] = own.shape[1]
        sees[kind] = [
            name for name, other in others.items() if (edge_features(other, tree, CONFIG) != own).any()
        ]
    assert width == {"aog_simple": 5, "aog_seg": 15, "chen_yuille": 4}
    assert sees == {"aog_simple": [], "aog_seg": ["parts"], "chen_yuille": ["offsets"]}


def test_the_energy_of_a_tree_by_hand() -> None:
    crop = crop_of([skeleton(128, 70)])
    tree = replace(indifferent("aog_simple"), scale=0.5, prior=0.25)
    found = TreeAssembler(tree, CONFIG)(crop.evidence)
    assert len(found.poses) == 1 and found.poses[0].present.all()
    # 14 joints of score 0.8 and 13 edges of log-odds 2, half of it and a quarter
    assert found.certificate.energy == pytest.approx(14 * np.log(0.2 / 0.8) - 13 * (0.5 * 2 + 0.25), rel=1e-5)
    assert TreeAssembler(tree, CONFIG)(evidence_of(Candidates.empty())).poses == ()


@pytest.mark.parametrize("kind", TREES)
def test_a_fitted_tree_tells_true_edges_from_false_ones(kind: str) -> None:
    crops = [crowd(seed) for seed in range(40)]
    model = fit_edges(kind, crops[:30], CONFIG)
    true, false = [], []
    for crop in crops[30:]:
        candidates = crop.evidence.candidates
        upper, lower, row = tree_edges(candidates.joint)
        edge = model.probability(edge_features(crop.evidence, TREES[kind], CONFIG), EDGE_CLASS[row])
        same = (upper // NUM_JOINTS == lower // NUM_JOINTS) & (upper < 2 * NUM_JOINTS)
        true.append(edge[same].mean())
        false.append(edge[~same].mean())
    assert np.mean(true) > 0.6 > 0.2 > np.mean(false)


def photos_of(count: int) -> list[SeenPhoto]:
    """Photos of two drawn people each, as the stand-in networks see their labelled boxes."""
    pipeline = pipeline_of(boxes_of(FIGURES[:2]))
    evidence = pipeline.networks(crop_boxes(draw(FIGURES[:2]), boxes_of(FIGURES[:2]), pipeline.config.crop))
    people = tuple(
        LabelledPerson(box, np.column_stack([xy, np.full(NUM_JOINTS, 2)]).astype(np.float32))
        for xy, box in zip(FIGURES, boxes_of(FIGURES[:2]).xyxy, strict=False)
    )
    sample = Sample(Path("photo.png"), 330, 190, people, np.zeros((0, 4), np.float32), True)
    return [(sample, evidence)] * count


def map_of(tree: TreeModel, photos: list[SeenPhoto], config: PipelineConfig) -> float:
    problems = [[tree_problem(seen, tree, config) for seen in evidence] for _, evidence in photos]
    return pose_map(TreeAssembler(tree, config), photos, problems)


def test_fits_use_every_other_photo_and_the_tempering_of_the_highest_map() -> None:
    photos, pipeline = photos_of(2), pipeline_of(boxes_of(FIGURES[:2]))
    trees, config = fit_trees(photos, pipeline), pipeline.config
    assert list(trees) == list(TREES)
    for kind, tree in trees.items():
        first = fit_edges(kind, labelled_crops(photos[:1]), config)
        np.testing.assert_array_equal(tree.weights, first.weights)
        assert map_of(tree, photos[1:], config) == 1
    hopeless = replace(first, bias=first.bias - 50)
    mended = tempered_tree(hopeless, photos, config)
    assert map_of(hopeless, photos, config) < map_of(mended, photos, config)
    assert map_of(first, [], config) == 0


def test_labelled_boxes_become_crops_of_their_people() -> None:
    people = [skeleton(60, 70), skeleton(160, 70)]
    labelled = [
        LabelledPerson(
            np.array([0, 0, 9, 9], np.float32), np.column_stack([xy, np.full(14, 2)]).astype(np.float32)
        )
        for xy in people
    ]
    nobody = LabelledPerson(np.array([0, 0, 9, 9], np.float32), None, "none")
    sample = Sample(
        Path("photo.jpg"), 256, 256, (labelled[0], nobody, labelled[1]), np.zeros((0, 4), np.float32), True
    )
    evidence: list[Evidence] = [crop_of([people[0]]).evidence for _ in range(3)]
    crops = labelled_crops([(sample, evidence)])
    assert [crop.evidence for crop in crops] == evidence
    np.testing.assert_allclose(crops[1].joints[:, :, :2], people)  # the crop is the photo
    assert (crops[1].joints[..., 2] == 1).all()
    assert labelled_crops([(replace(sample, people=(nobody,)), evidence[:1])]) == []


def test_a_fit_without_people_is_refused() -> None:
    far = crop_of([skeleton(128, 70)], candidates_of([skeleton(128, 70) + 500]))
    with pytest.raises(
        ValueError, match=r"AOG-Simple: 0 of 26 edges join two joints of one person; a fit needs both"
    ):
        fit_edges("aog_simple", [far, far], CONFIG)


def test_neighbours_alone_have_a_cost() -> None:
    problem = tree_problem(crowd(2).evidence, indifferent("aog_simple"), CONFIG)
    neighbours = {frozenset((int(a), int(b))) for a, b, _ in SKELETON}
    assert {
        frozenset((int(problem.label[u]), int(problem.label[v])))
        for u, v in zip(problem.pair_u, problem.pair_v, strict=True)
    } == neighbours

"""Assemblers against hand-made cases, brute force and the exact optimum."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from helpers.candidates import CONFIG, candidates_of, distance_model, evidence_of, skeleton

from posepart.ablation.assemblers import ASSEMBLERS
from posepart.ablation.trees import best_subtree
from posepart.config import LabelConfig, PipelineConfig, PotentialConfig
from posepart.schema import NUM_JOINTS, SKELETON, Joint
from posepart.stages.crf import SolvedCrf
from posepart.structures import Candidates

EDGES = [(a, b) for a, b, _ in SKELETON]


def assembled(name: str, candidates: Candidates, config: PipelineConfig = CONFIG) -> SolvedCrf:
    return ASSEMBLERS[name](distance_model(), config)(evidence_of(candidates))


@pytest.mark.parametrize("name", ASSEMBLERS)
def test_no_candidates_no_poses(name: str) -> None:
    found = assembled(name, Candidates.empty())
    assert (found.poses, found.certificate.energy, found.certificate.status) == ((), 0.0, "optimal")


@pytest.mark.parametrize("name", ["tree", "local_search", "exact"])
def test_two_clear_people_are_found_whole(name: str) -> None:
    people = [skeleton(60, 70), skeleton(190, 80)]
    found = assembled(name, candidates_of(people))
    assert len(found.poses) == 2
    left_first = sorted(found.poses, key=lambda pose: pose.xy[Joint.NECK, 0])
    for pose, person in zip(left_first, people, strict=True):
        np.testing.assert_array_equal(pose.xy, person)


def test_the_maximum_takes_the_best_candidate_of_each_joint_whoever_it_belongs_to() -> None:
    candidates = candidates_of([skeleton(60, 70), skeleton(190, 80)], score=0.6)
    candidates.scores[NUM_JOINTS + Joint.LEFT_WRIST, Joint.LEFT_WRIST] = 0.7
    found = assembled("per_joint_maximum", candidates)
    assert len(found.poses) == 1
    expected = skeleton(60, 70)  # of equal scores the first wins
    expected[Joint.LEFT_WRIST] = skeleton(190, 80)[Joint.LEFT_WRIST]
    np.testing.assert_array_equal(found.poses[0].xy, expected)
    assert found.poses[0].log_score == pytest.approx(13 * np.log(0.6) + np.log(0.7))


def test_variant_b_gives_the_maximum_no_candidate_twice() -> None:
    candidates = candidates_of([skeleton(60, 70)], score=0.6)
    candidates.scores[Joint.LEFT_HIP, Joint.RIGHT_HIP] = 0.9  # better than the right hip's own proposal
    variant_b = replace(CONFIG, crf=replace(CONFIG.crf, labels=LabelConfig(multi_label=True)))
    found = assembled("per_joint_maximum", candidates, variant_b)
    np.testing.assert_array_equal(found.poses[0].xy, skeleton(60, 70))


def test_the_tree_leaves_out_a_subtree_that_raises_the_energy() -> None:
    candidates = candidates_of([skeleton(128, 70)], score=0.6)
    candidates.xy[[Joint.LEFT_KNEE, Joint.LEFT_ANKLE]] += 90  # far from where the hip expects the knee
    potentials = PotentialConfig(pairwise_scale=0.15, pairwise_prior=0.5)
    found = assembled("tree", candidates, replace(CONFIG, crf=replace(CONFIG.crf, potentials=potentials)))
    present = [np.flatnonzero(pose.present).tolist() for pose in found.poses]
    assert present == [
        [j for j in Joint if j not in (Joint.LEFT_KNEE, Joint.LEFT_ANKLE)],
        [Joint.LEFT_KNEE, Joint.LEFT_ANKLE],
    ]


def test_best_subtree_by_hand() -> None:
    # neck -1, left shoulder 2 with edge -2.5, left elbow 1 with edge -0.5, right shoulder 0.5 with edge -0.5
    label = np.array([Joint.NECK, Joint.LEFT_SHOULDER, Joint.LEFT_ELBOW, Joint.RIGHT_SHOULDER], np.int64)
    unary = np.array([-1.0, 2.0, 1.0, 0.5])
    pair = np.zeros((4, 4))
    for u, v, cost in ((0, 1, -2.5), (1, 2, -0.5), (0, 3, -0.5)):
        pair[u, v] = pair[v, u] = cost
    nodes, cost = best_subtree(unary, label, pair, np.ones(4, bool))
    assert (nodes.tolist(), cost) == ([0, 1], -1.5)
    nodes, cost = best_subtree(unary, label, pair, np.array([False, True, True, True]))
    assert (nodes.tolist(), cost) == ([3], 0.5)
    nodes, cost = best_subtree(unary, label, pair, np.zeros(4, bool))
    assert (nodes.tolist(), cost) == ([], float("inf"))


def subtree_by_brute_force(unary: np.ndarray, label: np.ndarray, pair: np.ndarray) -> float:
    """Least cost over every choice of at most one node per joint whose joints are connected."""
    choices = [[-1, *np.flatnonzero(label == joint)] for joint in Joint]
    best = float("inf")
    for nodes in product(*choices):
        joints = [j for j in Joint if nodes[j] >= 0]
        inner = [(a, b) for a, b in EDGES if nodes[a] >= 0 and nodes[b] >= 0]
        if joints and len(inner) == len(joints) - 1:  # edges of a tree: connected
            cost = sum(unary[nodes[j]] for j in joints) + sum(pair[nodes[a], nodes[b]] for a, b in inner)
            best = min(best, float(cost))
    return best


@pytest.mark.parametrize("seed", range(12))
def test_best_subtree_is_the_best_of_all(seed: int) -> None:
    generator = np.random.default_rng(seed)
    label = np.sort(generator.choice(NUM_JOINTS, 12)).astype(np.int64)
    unary = generator.normal(0.5, 1.0, len(label))
    pair = generator.normal(-0.3, 1.0, (len(label), len(label)))
    pair = pair + pair.T
    nodes, cost = best_subtree(unary, label, pair, np.ones(len(label), bool))
    assert cost == pytest.approx(subtree_by_brute_force(unary, label, pair))
    of = {Joint(label[node]): node for node in nodes}
    inner = [pair[of[a], of[b]] for a, b in EDGES if a in of and b in of]
    assert len(inner) == len(nodes) - 1
    assert cost == pytest.approx(unary[nodes].sum() + sum(inner))


def crowd(seed: int) -> Candidates:
    """Three people near each other, joints shaken, scores and offsets uncertain."""
    generator = np.random.default_rng(seed)
    people = [skeleton(80 + 35 * k, 70) + generator.normal(0, 3, (NUM_JOINTS, 2)) for k in range(3)]
    clean = candidates_of([person.astype(np.float32) for person in people])
    own = np.arange(len(clean)), clean.joint
    clean.scores[own] = generator.uniform(0.3, 0.9, len(clean))
    shaken = clean.offsets + generator.normal(0, 12, clean.offsets.shape).astype(np.float32)
    return replace(clean, offsets=shaken)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_below_the_optimum(seed: int) -> None:
    candidates = crowd(seed)
    best = assembled("exact", candidates).certificate
    assert best.status == "optimal"
    for name in ("per_joint_maximum", "tree", "local_search"):
        certificate = assembled(name, candidates).certificate
        assert certificate.energy >= best.energy - 1e-6
        assert certificate.bound <= best.energy + 1e-6
    assert assembled("local_search", candidates).certificate.energy < 0.9 * best.energy

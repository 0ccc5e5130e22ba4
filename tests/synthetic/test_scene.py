"""Scenes: labels are exact, seeds mean the same everywhere, aspects are independent."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posepart.arrays import Float32
from posepart.schema import JOINT_PARTS, Joint, Part
from posepart.synthetic import SceneGenerator, SynthConfig, SyntheticScene, group_scene
from posepart.synthetic.labels import joint_positions, label
from posepart.synthetic.layout import Place
from posepart.synthetic.people.body import load_body
from posepart.synthetic.people.figures import Figure, sample_figure
from posepart.synthetic.people.interactions import interact, prepare_places
from posepart.synthetic.render.mesh import assemble, render_ids
from posepart.synthetic.render.raster import rasterise_numpy
from posepart.synthetic.streams import Aspect, Streams

SIZE = 192
CONFIG = SynthConfig(size=SIZE, backend="numpy")
SEEDS = range(10)


def fingerprint(scene: SyntheticScene) -> str:
    total = hashlib.sha256(scene.image.tobytes() + scene.parts.tobytes() + scene.instances.tobytes())
    for person in scene.people:
        total.update(person.joints.tobytes() + person.box.tobytes() + person.amodal_box.tobytes())
    return total.hexdigest()


@pytest.fixture(scope="module")
def scenes() -> list[SyntheticScene]:
    generator = SceneGenerator(CONFIG)
    return [generator.sample(seed) for seed in SEEDS]


def test_nobody() -> None:
    scene = SceneGenerator(SynthConfig(size=64, people=0, backend="numpy")).sample(0)
    assert scene.people == () and not scene.parts.any() and not scene.instances.any()
    assert scene.image.shape == (64, 64, 3) and scene.image.dtype == np.uint8


def test_shapes_and_types(scenes: list[SyntheticScene]) -> None:
    scene = SceneGenerator(SynthConfig(size=(96, 64), people=1, backend="numpy")).sample(0)
    assert scene.image.shape == (64, 96, 3) and scene.parts.shape == scene.instances.shape == (64, 96)
    for person in (p for s in scenes for p in s.people):
        assert person.joints.shape == (14, 3) and person.joints.dtype == np.float32
        assert person.box.shape == person.amodal_box.shape == (4,)


def test_parts_lie_exactly_where_instances_lie(scenes: list[SyntheticScene]) -> None:
    for scene in scenes:
        np.testing.assert_array_equal(scene.parts > 0, scene.instances > 0)
        assert scene.instances.max() == len(scene.people) and scene.parts.max() <= max(Part)


def test_boxes_are_tight_and_inside_the_amodal_boxes(scenes: list[SyntheticScene]) -> None:
    for scene in scenes:
        for value, person in enumerate(scene.people, 1):
            mask = scene.instances == value
            x0, y0, x1, y1 = person.box.astype(int)
            assert mask[y0:y1, x0:x1].sum() == mask.sum() == person.area > 0
            assert mask[y0].any() and mask[y1 - 1].any() and mask[:, x0].any() and mask[:, x1 - 1].any()
            assert (person.amodal_box[:2] <= person.box[:2] + 1).all()
            assert (person.amodal_box[2:] >= person.box[2:] - 1).all()


def test_visible_joints_lie_on_a_part_of_their_own_person(scenes: list[SyntheticScene]) -> None:
    hits, total = 0, 0
    for scene in scenes:
        for value, person in enumerate(scene.people, 1):
            for (x, y, v), parts in zip(person.joints, JOINT_PARTS, strict=True):
                if v != 2:
                    continue
                row, column = round(float(y)), round(float(x))
                window = (slice(max(0, row - 2), row + 3), slice(max(0, column - 2), column + 3))
                own = scene.parts[window][scene.instances[window] == value]
                total += 1
                hits += bool(np.isin(own, parts).any())
    assert total > 100 and hits / total > 0.97


def test_visibility_is_zero_exactly_outside_the_picture(scenes: list[SyntheticScene]) -> None:
    for person in (p for s in scenes for p in s.people):
        inside = ((person.joints[:, :2] >= -0.5) & (person.joints[:, :2] < SIZE - 0.5)).all(1)
        np.testing.assert_array_equal(person.joints[:, 2] > 0, inside)


def test_joints_are_the_projected_skeleton() -> None:
    generator = SceneGenerator(SynthConfig(size=SIZE, people=1, plain=True, family="stand", backend="numpy"))
    composed, scene = generator.compose(1), generator.sample(1)
    xy, _ = composed.camera.project(joint_positions(generator._body, composed.figures[0]))
    np.testing.assert_allclose(scene.people[0].joints[:, :2], xy, atol=1e-3)
    # Seen from the front the person's left is on the picture's right, the head above the feet.
    assert abs(composed.figures[0].yaw) < 90
    x, y = scene.people[0].joints[:, :2].T
    assert x[Joint.LEFT_SHOULDER] > x[Joint.RIGHT_SHOULDER] and y[Joint.FOREHEAD] < y[Joint.LEFT_ANKLE]


def test_somebody_in_front_hides_joints_and_moves_none() -> None:
    generator, streams = (
        SceneGenerator(SynthConfig(size=SIZE, people=1, plain=True, backend="numpy")),
        Streams(0),
    )
    camera = generator.compose(0).camera
    behind, before = (
        sample_figure(generator._body, streams, k, Place(0.0, y, 0.0, "stand"))
        for k, y in enumerate((0.6, 0.0))
    )

    def labelled(*figures: Figure) -> Float32:
        mesh = assemble(figures, [])
        view = render_ids(mesh, camera, rasterise_numpy)
        return label(generator._body, figures, view, mesh, camera)[2][0].joints

    alone, hidden = labelled(behind), labelled(behind, before)
    np.testing.assert_array_equal(alone[:, :2], hidden[:, :2])
    assert (hidden[:, 2] <= alone[:, 2]).all() and (alone[:, 2] == 2).sum() >= (hidden[:, 2] == 2).sum() + 4


def test_supersampling_changes_the_picture_and_no_label() -> None:
    plain = SceneGenerator(SynthConfig(size=96, people=2, backend="numpy")).sample(5)
    fine = SceneGenerator(SynthConfig(size=96, people=2, supersampling=2, backend="numpy")).sample(5)
    np.testing.assert_array_equal(plain.parts, fine.parts)
    np.testing.assert_array_equal(plain.people[0].joints, fine.people[0].joints)
    assert (plain.image != fine.image).any()


def test_numba_scene_is_the_same_bytes(scenes: list[SyntheticScene]) -> None:
    pytest.importorskip("numba")
    generator = SceneGenerator(SynthConfig(size=SIZE, backend="numba"))
    for seed in (0, 1, 2):
        assert fingerprint(generator.sample(seed)) == fingerprint(scenes[seed])


def test_same_seed_same_bytes_in_a_fresh_process(scenes: list[SyntheticScene]) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_scene import CONFIG, SceneGenerator, fingerprint\n"
        "print(fingerprint(SceneGenerator(CONFIG).sample(3)))"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "7"}
    result = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert result.stdout.strip() == fingerprint(scenes[3])


def test_different_seeds_differ(scenes: list[SyntheticScene]) -> None:
    assert len({fingerprint(scene) for scene in scenes}) == len(scenes)


def test_streams_do_not_disturb_each_other() -> None:
    used = Streams(7)
    used(Aspect.POSE, 1).random(100)
    used(Aspect.BODY).random(5)
    fresh = Streams(7)
    for aspect in Aspect:
        for person in range(3):
            np.testing.assert_array_equal(used(aspect, person).random(4), fresh(aspect, person).random(4))
    draws = {float(fresh(aspect, person).random()) for aspect in Aspect for person in range(5)}
    assert len(draws) == len(Aspect) * 5


def test_a_person_keeps_body_and_clothes_whoever_else_comes() -> None:
    one, three = (
        SceneGenerator(SynthConfig(size=96, people=n, family="stand", plain=True, backend="numpy")).compose(2)
        for n in (1, 3)
    )
    np.testing.assert_array_equal(one.figures[0].dressed, three.figures[0].dressed)
    np.testing.assert_array_equal(one.light.direction, three.light.direction)


def test_hold_hands_brings_the_wrists_together() -> None:
    body, chosen = load_body(), {0: (1, "hold_hands")}
    apart = tuple(Place(x, 0.0, 50.0, "stand") for x in (-0.4, 0.4))
    places = prepare_places(np.random.default_rng(0), apart, chosen)
    assert places[1].x - places[0].x == pytest.approx(0.56)
    assert places[0].yaw == pytest.approx(0) and places[1].yaw == pytest.approx(0)
    figures = [sample_figure(body, Streams(0), k, place) for k, place in enumerate(places)]
    first, second = interact(body, figures, chosen)
    # Seen from the front, the left one uses the own left hand.
    gap = first.bones[body.bones["wrist.L"]] - second.bones[body.bones["wrist.R"]]
    assert np.linalg.norm(gap) < 0.08
    np.testing.assert_allclose(first.origin, figures[0].origin)


def test_group_scene_shows_four_whole_people() -> None:
    scene = group_scene()
    assert scene.image.shape == (480, 640, 3) and len(scene.people) == 4
    for person in scene.people:
        assert person.age >= 20 and (person.joints[:, 2] > 0).all() and person.area > 10000


@pytest.mark.parametrize(
    "wrong", [{"size": 8}, {"people": 99}, {"supersampling": 0}, {"interaction_share": 2}]
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        SynthConfig(**wrong)


def test_impossible_seed_and_arrangement_are_refused() -> None:
    with pytest.raises(ValueError, match="seed"):
        SceneGenerator(CONFIG).sample(-1)
    with pytest.raises(ValueError, match="circle"):
        SceneGenerator(SynthConfig(size=64, people=2, arrangement="circle")).sample(0)

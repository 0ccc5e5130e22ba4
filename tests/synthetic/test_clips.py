"""Clips: the same people in every frame, who move smoothly and pass each other."""

from dataclasses import replace

import numpy as np

from posepart.schema import Joint
from posepart.synthetic.clips import CLIP, clip


def test_people_stay_themselves_and_pass_each_other() -> None:
    config = replace(CLIP, size=(96, 54), backend="numpy")
    necks: list[dict[int, float]] = []
    for scene in clip(3, 12, config):
        assert scene.image.shape == (54, 96, 3)
        np.testing.assert_array_equal(scene.parts > 0, scene.instances > 0)
        necks.append({person.figure: float(person.joints[Joint.NECK, 0]) for person in scene.people})
    assert all(neck.keys() == {0, 1, 2} for neck in necks)
    right, left = (np.array([neck[k] for neck in necks]) for k in (0, 1))
    assert (np.diff(right) > 0).all() and (np.diff(left) < 0).all()
    assert right[0] < left[0] and right[-1] > left[-1]
    assert np.abs(np.diff(right, n=2)).max() < 0.5


def test_a_clip_is_the_same_whenever_it_is_made() -> None:
    config = replace(CLIP, size=(64, 48), people=1, backend="numpy")
    first, second = (list(clip(5, 2, config)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.image, other.image)

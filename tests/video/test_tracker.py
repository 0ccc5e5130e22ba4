"""Tracks on poses of known people."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.scenes import make_person

from posepart.schema import Joint
from posepart.structures import Person
from posepart.video.settings import TrackConfig
from posepart.video.smoothing import people_of, smooth_tracks
from posepart.video.tracker import Tracker

FPS = 25.0


def follow(frames: list[list[Person]], tracker: Tracker) -> list[tuple[int, ...]]:
    return [tracker.observe(k, k / FPS, people) for k, people in enumerate(frames)]


def test_nobody() -> None:
    tracker = Tracker()
    assert follow([[], [], []], tracker) == [(), (), ()]
    assert tracker.tracks == [] and len(tracker.boxes(1.0, (240, 320))) == 0
    assert smooth_tracks(tracker.tracks, np.arange(3) / FPS, TrackConfig()) == ()


def test_people_keep_their_numbers_whatever_their_order() -> None:
    frames = [
        [make_person((4.0 * k, 0)), make_person((300 - 3.0 * k, 20))][:: 1 if k % 2 else -1] for k in range(9)
    ]
    numbers = follow(frames, Tracker())
    assert numbers == [(1, 2) if k % 2 == 0 else (2, 1) for k in range(9)]


def test_people_who_pass_each_other_do_not_change_numbers() -> None:
    """At 7 px a frame they meet in frame 20; for three frames only one of the two is found."""
    right = [make_person((7.0 * k, 0)) for k in range(40)]
    left = [make_person((280 - 7.0 * k, 6)) for k in range(40)]
    frames = [[a] if 19 <= k <= 21 else [a, b] for k, (a, b) in enumerate(zip(right, left, strict=True))]
    numbers = follow(frames, Tracker())
    assert {tuple(n) for n in numbers} == {(1, 2), (1,)}
    assert numbers[-1] == (1, 2)


@pytest.mark.parametrize(("gap", "number"), [(10, 1), (40, 2)])
def test_short_gaps_are_bridged_and_long_ones_are_not(gap: int, number: int) -> None:
    frames = [[make_person((2.0 * k, 0))] if not 10 <= k < 10 + gap else [] for k in range(60)]
    assert follow(frames, Tracker())[-1] == (number,)


def test_no_number_is_given_twice_in_a_frame() -> None:
    rng = np.random.default_rng(1)
    frames = [
        [make_person((float(x), float(y))) for x, y in rng.uniform(0, 60, (rng.integers(0, 5), 2))]
        for _ in range(60)
    ]
    assert all(len(set(numbers)) == len(numbers) for numbers in follow(frames, Tracker()))


def test_boxes_of_the_next_frame_are_where_people_will_be() -> None:
    tracker = Tracker()
    follow([[make_person((5.0 * k, 10), box_score=0.8), make_person((250, 10))] for k in range(12)], tracker)
    boxes = tracker.boxes(12 / FPS, (240, 400))
    np.testing.assert_allclose(boxes.scores, [0.9, 0.8])
    coming = make_person((60.0, 10)).pose.xy
    inside = boxes.xyxy[1]
    assert (coming >= inside[:2]).all() and (coming <= inside[2:]).all()
    assert abs((inside[0] + inside[2]) / 2 - coming[:, 0].mean()) < 3
    assert not tracker.lost


def test_boxes_end_at_the_frame_and_of_people_who_left_there_are_none() -> None:
    tracker = Tracker()
    follow([[make_person((-100.0 - 10 * k, 10)), make_person((250, 150))] for k in range(5)], tracker)
    boxes = tracker.boxes(5 / FPS, (240, 320))
    assert len(boxes) == 1
    assert boxes.xyxy[0, 3] == 239.5


def test_who_was_not_found_is_reported_once() -> None:
    tracker = Tracker()
    lost = []
    for k in range(6):
        tracker.observe(k, k / FPS, [make_person((0, 0))] if k < 3 else [])
        lost.append(tracker.lost)
    assert lost == [False, False, False, True, False, False]


def test_tracks_are_smooth_complete_and_without_mistakes_of_a_moment() -> None:
    frames = [
        [make_person((3.0 * k, 0), absent=(Joint.LEFT_WRIST,) if 4 <= k < 7 else ())] for k in range(20)
    ]
    frames[5].append(make_person((250, 0)))
    frames[10] = []
    tracker = Tracker()
    follow(frames, tracker)
    assert len(tracker.tracks) == 2
    (track,) = smooth_tracks(tracker.tracks, np.arange(20) / FPS, TrackConfig())
    assert track.number == 1 and track.frames.tolist() == list(range(20))
    assert np.flatnonzero(~track.seen).tolist() == [10]
    assert (track.scores > 0).all()
    truth = np.stack([make_person((3.0 * k, 0)).pose.xy for k in range(20)])
    np.testing.assert_allclose(track.xy, truth, atol=1.5)
    assert people_of([track], 10)[1].certificate.status == "interpolated between frames"
    assert people_of([track], 20) == {}


def test_a_joint_unseen_for_long_stays_absent() -> None:
    absent = (Joint.RIGHT_ANKLE,)
    frames = [[make_person((0, 0), absent=absent if 5 <= k < 50 else ())] for k in range(60)]
    tracker = Tracker()
    follow(frames, tracker)
    (track,) = smooth_tracks(tracker.tracks, np.arange(60) / FPS, TrackConfig())
    assert np.flatnonzero(track.scores[:, Joint.RIGHT_ANKLE] == 0).tolist() == list(range(5, 50))


def test_without_smoothing_joints_stay_as_they_were_seen() -> None:
    rng = np.random.default_rng(2)
    people = [make_person((float(x), 0)) for x in rng.uniform(0, 4, 10)]
    tracker = Tracker()
    follow([[person] for person in people], tracker)
    (track,) = smooth_tracks(tracker.tracks, np.arange(10) / FPS, TrackConfig(), smoothed=False)
    np.testing.assert_allclose(track.xy, np.stack([person.pose.xy for person in people]))


def test_a_person_without_joints_is_nobody_that_can_be_followed() -> None:
    nobody = replace(make_person(), pose=make_person(absent=tuple(Joint)).pose)
    assert follow([[nobody], [nobody]], Tracker()) == [(1,), (2,)]

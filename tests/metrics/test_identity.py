"""IDF1 on hand-made clips."""

import numpy as np
import pytest

from posepart.metrics.identity import Frame, identity_f1


def frame(found: list[int], true: list[int], similarity: list[list[float]]) -> Frame:
    return np.array(found), np.array(true), np.array(similarity, float).reshape(len(found), len(true))


SAME = [[1.0, 0.0], [0.0, 1.0]]


def test_nobody() -> None:
    assert identity_f1([]) == identity_f1([frame([], [], [])]) == 1.0
    assert identity_f1([frame([1], [], [[]])]) == 0.0


def test_numbers_do_not_matter_but_keeping_them_does() -> None:
    assert identity_f1([frame([7, 3], [1, 2], SAME)] * 4) == 1.0
    exchanged = [frame([7, 3], [1, 2], SAME)] * 3 + [frame([3, 7], [1, 2], SAME)]
    assert identity_f1(exchanged) == pytest.approx(2 * 6 / 16)


def test_missed_people_and_people_too_far_away_count() -> None:
    frames = [frame([1, 2], [1, 2], SAME), frame([1], [1, 2], [[1.0, 0.0]]), frame([1], [1], [[0.4]])]
    assert identity_f1(frames) == pytest.approx(2 * 3 / 9)

import functools

import numpy as np
from helpers import people_data
from helpers.fixtures import Data
from PIL import Image

from posepart.report.worst_cases import PICTURE_SIDE, Case, WorstCases, draw_case


def keep(scores: list[float], number: int) -> tuple[list[int], list[float]]:
    drawn: list[float] = []
    worst = WorstCases(number)

    def draw(index: int, score: float) -> Case:
        drawn.append(score)
        return Case(str(index), score, b"", b"")

    for index, score in enumerate(scores):
        worst.offer(score, functools.partial(draw, index))
    return [int(case.name) for case in worst.cases()], drawn


def test_none() -> None:
    assert keep([], 3) == ([], [])
    assert keep([0.5], 0) == ([], [])


def test_the_worst_first_and_equal_ones_as_they_came() -> None:
    assert keep([0.5, 0.1, 0.9, 0.1, 0.0], 3)[0] == [4, 1, 3]
    assert keep([0.0, 0.0, 0.0], 2)[0] == [0, 1]
    assert keep([0.3, 0.2], 5)[0] == [1, 0]


def test_only_the_worst_so_far_are_drawn() -> None:
    assert keep([0.2, 0.1, 0.9, np.nan, 0.15, 0.2], 2)[1] == [0.2, 0.1, 0.15]


def test_pictures_of_labels_and_result(data: Data) -> None:
    sample = data[1][0]
    case = draw_case(sample, people_data.empty_scene(sample), 0.25)
    assert (case.name, case.score) == ("photo_1.jpg", 0.25)
    pictures = []
    for number, content in enumerate((case.truth, case.prediction)):
        path = data[0] / f"{number}.jpg"
        path.write_bytes(content)
        with Image.open(path) as picture:
            assert (picture.format, max(picture.size)) == ("JPEG", min(PICTURE_SIDE, people_data.WIDTH))
            pictures.append(np.asarray(picture))
    assert pictures[0].max() > 100, "the labels are drawn on the black photo"
    assert pictures[1].max() < 30, "nothing was found"

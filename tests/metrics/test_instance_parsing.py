import numpy as np
import pytest
from helpers.fixtures import Parsings

from posepart.metrics.average_precision import average_precision
from posepart.metrics.instance_parsing import PeopleParts, Rule, judge_parsing, merge_parsing, parsing_scores
from posepart.schema import IGNORE, Part

RULES: list[Rule] = ["strict", "official"]

# From the reference scripts on the scenes of conftest, IoU 0.1, 0.2, ... 0.9:
# CIHP_PGN's test_inst_part_ap.py (mean over the parts), MHP v2's eval_mhp.py.
CIHP_AP = [0.526647, 0.297525, 0.190157, 0.176202, 0.140513, 0.080561, 0.056434, 0.043899, 0.034505]
MHP_AP = [0.527246, 0.397727, 0.235101, 0.138258, 0.138258, 0.138258, 0.053301, 0.053301, 0.001894]
MHP_PCP_50 = 0.236111


def photo(
    parts: list[list[int]], people: list[list[int]] | None = None, scores: list[float] | None = None
) -> PeopleParts:
    ids = np.array(parts)
    numbers = (ids > 0).astype(np.int64) if people is None else np.array(people)
    return PeopleParts(
        ids, numbers, np.ones(int(numbers.max(initial=0))) if scores is None else np.array(scores)
    )


NOBODY = photo([[0, 0, 0, 0]])
ONE = photo([[Part.HEAD, Part.HEAD, Part.TORSO, 0]])


@pytest.mark.parametrize("rule", RULES)
def test_nobody(rule: Rule) -> None:
    assert np.isnan(parsing_scores(merge_parsing([])).ap_r)
    assert np.isnan(parsing_scores(judge_parsing(NOBODY, NOBODY, rule)).pcp_50)
    scores = parsing_scores(judge_parsing(NOBODY, ONE, rule))
    assert (scores.ap_p, scores.pcp_50) == (0, 0)


def test_photos_without_a_prediction() -> None:
    """Strict counts them; the reference script of AP^r does not."""
    expectations: dict[Rule, float] = {"strict": 0.5, "official": 1.0}
    for rule, expected in expectations.items():
        records = merge_parsing([judge_parsing(ONE, ONE, rule), judge_parsing(NOBODY, ONE, rule)])
        assert parsing_scores(records).ap_r == expected


@pytest.mark.parametrize("rule", RULES)
def test_perfect(rule: Rule, parsings: Parsings) -> None:
    records = merge_parsing([judge_parsing(t, t, rule) for _, t in parsings])
    scores = parsing_scores(records)
    assert (scores.ap_r, scores.ap_p, scores.pcp_50) == (1, 1, 1)


def test_by_hand() -> None:
    """Head IoU 1/2, torso 1/3: mean 5/12; of the two parts one reaches 0.5 (strictly: none exceeds it)."""
    found = photo([[Part.HEAD, Part.TORSO, Part.TORSO, Part.TORSO]])
    strict = judge_parsing(found, ONE)
    np.testing.assert_array_equal(strict.person_detections.hits[:, 0], [True] * 4 + [False] * 5)
    assert parsing_scores(strict).pcp_50 == 0, "the person is not matched at 0.5"
    head = judge_parsing(photo([[Part.HEAD, 0, Part.TORSO, 0]]), ONE)
    assert head.pcp.tolist() == [1.0]
    official = judge_parsing(photo([[Part.HEAD, 0, Part.TORSO, 0]]), ONE, "official")
    assert official.pcp.tolist() == [0.5]


def test_a_part_is_matched_once() -> None:
    """Two predictions of one head: strict calls the second false, the reference script does not."""
    truth = photo([[Part.HEAD] * 4])
    found = PeopleParts(np.full((1, 4), Part.HEAD), np.array([[1, 1, 2, 2]]), np.array([0.9, 0.8]))
    assert judge_parsing(found, truth).part_detections.hits[0].tolist() == [True, False]
    assert judge_parsing(found, truth, "official").part_detections.hits[0].tolist() == [True, True]


def test_ignored_pixels_do_not_count() -> None:
    truth = PeopleParts(np.array([[Part.HEAD, IGNORE]]), np.array([[1, 1]]), np.ones(1))
    scores = parsing_scores(judge_parsing(photo([[Part.HEAD, Part.TORSO]]), truth))
    assert (scores.ap_p, scores.ap_r, scores.pcp_50) == (1, 1, 1)


@pytest.mark.parametrize("rule", RULES)
def test_shuffled_people_change_nothing(rule: Rule, parsings: Parsings) -> None:
    def renumbered(scene: PeopleParts) -> PeopleParts:
        last = len(scene.scores)
        return PeopleParts(
            scene.parts, np.where(scene.people > 0, last + 1 - scene.people, 0), scene.scores[::-1]
        )

    plain = parsing_scores(merge_parsing([judge_parsing(p, t, rule) for p, t in parsings]))
    shuffled = parsing_scores(
        merge_parsing([judge_parsing(renumbered(p), renumbered(t), rule) for p, t in parsings[::-1]])
    )
    np.testing.assert_allclose(list(vars(plain).values()), list(vars(shuffled).values()))


def test_official_agrees_with_the_reference_scripts(parsings: Parsings) -> None:
    records = merge_parsing([judge_parsing(p, t, "official") for p, t in parsings])
    by_part = average_precision(records.part_detections)[:, 1:].mean(axis=1)
    np.testing.assert_allclose(by_part, CIHP_AP, atol=1e-6)
    np.testing.assert_allclose(average_precision(records.person_detections)[:, 0], MHP_AP, atol=1e-6)
    np.testing.assert_allclose(parsing_scores(records).pcp_50, MHP_PCP_50, atol=1e-6)


def test_weights_repeat_photos(parsings: Parsings) -> None:
    records = [judge_parsing(p, t) for p, t in parsings]
    twice = parsing_scores(merge_parsing([records[0], *records]))
    weighted = parsing_scores(merge_parsing(records), weights=np.array([2] + [1] * (len(records) - 1)))
    np.testing.assert_allclose(list(vars(twice).values()), list(vars(weighted).values()))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="predicted part map"):
        judge_parsing(NOBODY, photo([[0, 0]]))
    with pytest.raises(ValueError, match="number the people"):
        PeopleParts(np.zeros((1, 1)), np.array([[2]]), np.ones(1))


def test_predictions_on_ignored_pixels_count_neither_way() -> None:
    truth = PeopleParts(np.array([[Part.HEAD, IGNORE, IGNORE]]), np.array([[1, 0, 0]]), np.ones(1))
    for hidden in (Part.TORSO, Part.BACKGROUND):
        found = photo([[Part.HEAD, hidden, hidden]], [[1, 2, 2]], [0.5, 0.9])
        scores = parsing_scores(judge_parsing(found, truth))
        assert (scores.ap_p, scores.ap_r, scores.pcp_50) == (1, 1, 1)


@pytest.mark.parametrize("rule", RULES)
def test_any_number_of_labels(rule: Rule) -> None:
    """CIHP has 20: two people, of whom one has a right shoe that is found as a left one."""
    truth = photo([[19, 19, 5, 5, 0, 14, 14, 14]], [[1, 1, 1, 1, 0, 2, 2, 2]])
    found = photo([[18, 18, 5, 5, 0, 14, 14, 14]], [[1, 1, 1, 1, 0, 2, 2, 2]])
    scores = parsing_scores(merge_parsing([judge_parsing(found, truth, rule, labels=20)], labels=20))
    assert scores.ap_r_50 == pytest.approx(2 / 3)  # of the three that are labelled
    assert scores.pcp_50 == 0.5  # the first person has a mean part IoU of 1 / 3: not found
    perfect = parsing_scores(judge_parsing(truth, truth, rule, labels=20))
    assert perfect.ap_r == pytest.approx(1)
    with pytest.raises(ValueError, match=r"invalid entry|out of bounds|expected ids"):
        judge_parsing(found, truth, rule)  # 7 parts

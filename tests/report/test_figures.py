"""What stands in the drawings; how they look is for eyes."""

import re

import numpy as np

from posepart.metrics.average_precision import Detections
from posepart.metrics.collect import ScoredJoints
from posepart.report import figures
from posepart.schema import Joint


def texts_of(svg: str) -> list[str]:
    assert svg.startswith("<svg") and svg.rstrip().endswith("</svg>")
    return [text.strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def judged(hits: list[bool], thresholds: int, kinds: int, kind: int = 0) -> Detections:
    """Detections of falling score, of one photo with two people."""
    count = len(hits)
    positives = np.zeros((1, kinds), np.int64)
    positives[0, kind] = 2
    return Detections(
        np.linspace(0.9, 0.5, count),
        np.full(count, kind),
        np.zeros(count, np.int64),
        np.tile(np.array(hits, bool), (thresholds, 1)),
        np.zeros((thresholds, count), bool),
        positives,
    )


def test_curves_tell_their_areas() -> None:
    texts = texts_of(figures.box_precision_recall(judged([True, False, True], 10, 1)))
    assert "IoU 0.5  AP 83.3" in texts, "1/2 at precision 1, 1/2 at precision 2/3"
    texts = texts_of(figures.joint_precision_recall(judged([False, True], 1, 14, Joint.RIGHT_WRIST)))
    assert "right  AP 25.0" in texts
    assert sum("AP" in text for text in texts) == 1, "joints without a label have no curve"


def test_confusion_in_percent_of_the_true_part() -> None:
    confusion = np.diag([4, 3, 2, 2, 2, 2, 0])
    confusion[1, 2] = 1
    texts = texts_of(figures.part_confusion(confusion))
    assert {"75.0", "25.0", "100.0", "-", "upper arm"} <= set(texts)


def test_errors_count_what_was_found() -> None:
    errors = np.full((3, 14), np.nan)
    errors[:, Joint.NECK] = 0.1, 0.3, np.inf
    texts = texts_of(figures.joint_error_distribution(errors))
    assert "neck  2/3" in texts
    assert "left wrist  0/0" in texts


def test_calibration_tells_its_error() -> None:
    joints = ScoredJoints(1, np.zeros(2, np.int64), np.array([0.75, 0.75]), np.array([True, False]))
    assert "ECE 25.0 %" in texts_of(figures.joint_calibration(joints))


def test_times() -> None:
    texts = texts_of(figures.stage_times({"crf": np.array([1.0, 2.0]), "$ilp$": np.zeros(2)}))
    assert {"crf", "1.500 s", "0.000 s", "$ilp$"} <= set(texts)


def test_equal_figures_are_equal_bytes() -> None:
    seconds = {"crf": np.ones(1)}
    assert figures.stage_times(seconds) == figures.stage_times(seconds)

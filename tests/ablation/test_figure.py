"""The figure of an ablation."""

from pathlib import Path

import pytest
from PIL import Image

from posepart.ablation.figure import draw_answers
from posepart.ablation.table import HEADLINES, Answer
from posepart.ablation.variants import Question, Variant
from posepart.metrics.bootstrap import Interval, PairedDifference
from posepart.metrics.tables import Cell

QUESTION = Question("poses", "Poses per box", (Variant("one"), Variant("several", assembler="tree")))


@pytest.mark.parametrize("scores", [0, 2])
def test_a_band_per_question_whatever_its_scores(tmp_path: Path, scores: int) -> None:
    paired = PairedDifference(Interval(0.1, 0.0, 0.2), 0.9)
    cells = ((Cell(0.5),) * scores, (Cell(0.6, paired),) * scores)
    found = Answer(QUESTION, HEADLINES[:scores], cells)
    draw_answers([found, found], tmp_path / "ablation.png")
    with Image.open(tmp_path / "ablation.png") as picture:
        assert picture.format == "PNG"
        assert picture.height > 200

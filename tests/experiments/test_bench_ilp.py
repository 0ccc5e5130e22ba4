"""The benchmark of the optimiser, on drawn people and stand-in networks."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import bench_ilp
import pytest
from helpers.drawn_data import write_drawn_people
from helpers.stand_ins import FIGURES, boxes_of, pipeline_of

from posepart.ablation.deepercut import DeeperCut
from posepart.config import PipelineConfig
from posepart.pipeline import Pipeline


def test_whole_photos_against_their_boxes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line per photo with the candidates of both and the ratio of the times, and one for all."""

    def load(name: str, *, config: PipelineConfig, **others: Any) -> Pipeline:
        return pipeline_of(boxes_of(FIGURES[:2]), config)

    monkeypatch.setattr("posepart.loading.load", load)
    monkeypatch.setattr("posepart.ablation.deepercut.DeeperCut", partial(DeeperCut, sizes=(256,)))
    data = write_drawn_people(tmp_path / "drawn", [FIGURES[:2]] * 3)
    command = ["--number", "0", "--photos", "0", "--data", str(data), "--limit_photos", "2"]
    bench_ilp.main([*command, "--pipeline.features.segment_term", "false"])
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split() for line in lines if re.match(r" *\d\.png", line)]
    assert [row[0] for row in rows] == ["1.png", "2.png"]
    for row in rows:
        assert (int(row[1]), row[7]) == (2, "True")
        assert int(row[2]) >= 28 and int(row[3]) >= 28  # two people of 14 joints, whole and in their boxes
        assert float(row[4]) > 0 and float(row[5]) > 0 and float(row[6]) > 0
    assert re.fullmatch(r"all photos: whole [\d.]+ s, boxes [\d.]+ s, ratio [\d.]+", lines[-1])

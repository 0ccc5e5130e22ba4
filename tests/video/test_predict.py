"""A clip of drawn people from file to results, with stand-in networks that see what was drawn."""

import csv
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.clips import write_clip
from helpers.stand_ins import boxes_of, draw, figure, pipeline_of

from posepart.arrays import Rgb
from posepart.config import PipelineConfig
from posepart.pipeline import Pipeline
from posepart.schema import Joint
from posepart.structures import PersonBoxes
from posepart.video.predict import predict_video
from posepart.video.reading import VideoFile
from posepart.video.settings import VideoConfig

FRAMES = 9
CONFIG = replace(PipelineConfig(), refine=False)
TRACKED = VideoConfig(track=True, detect_every=4)


def people_at(frame: int) -> list[np.ndarray]:
    """Two people, of whom the first walks to the right and the second to the left."""
    return [figure(15 + 3 * frame, 20), figure(210 - 3 * frame, 25)]


def boxes_in(image: Rgb) -> PersonBoxes:
    """What a detector without mistakes finds: the walkers of the frame whose picture it is."""
    for frame in range(FRAMES):
        if np.array_equal(image, draw(people_at(frame))):
            return boxes_of(people_at(frame))
    return PersonBoxes.empty()


class Watched:
    """The pipeline's detector, which keeps count."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, image: Rgb) -> PersonBoxes:
        self.calls += 1
        return boxes_in(image)


def watched() -> tuple[Pipeline, Watched]:
    detector = Watched()
    return replace(pipeline_of(PersonBoxes.empty(), CONFIG), detector=detector), detector


def clip_in(folder: Path) -> Path:
    return write_clip(folder / "clip.mkv", [draw(people_at(frame)) for frame in range(FRAMES)])


def contents(out: Path) -> dict[str, bytes]:
    """The files of a run, without what holds wall times, and without the video, whose encoder uses threads."""
    files = (p for p in sorted(out.rglob("*")) if p.is_file())
    return {str(p.relative_to(out)): p.read_bytes() for p in files if p.suffix in (".csv", ".png")}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_frame_has_a_result_and_everybody_a_track(tmp_path: Path) -> None:
    pipeline, detector = watched()
    summary = predict_video(clip_in(tmp_path), pipeline, tmp_path / "out", TRACKED)
    assert (summary.frames, summary.seen, summary.predicted) == (FRAMES, FRAMES, FRAMES)
    assert detector.calls == summary.detections == 3  # frames 0, 4 and 8
    rows = table(tmp_path / "out" / "clip_tracks.csv")
    assert [(int(r["frame"]), int(r["person"])) for r in rows] == [
        (f, p) for f in range(FRAMES) for p in (1, 2)
    ]
    for row in rows:
        truth = people_at(int(row["frame"]))[int(row["person"]) - 1][Joint.NECK]
        assert abs(float(row["neck_x"]) - truth[0]) < 3 and abs(float(row["neck_y"]) - truth[1]) < 3
        assert float(row["seconds"]) == pytest.approx(int(row["frame"]) / 25, abs=1e-3)
    angles = table(tmp_path / "out" / "clip_angles.csv")
    assert all(float(row["trunk"]) < 5 and float(row["left_knee"]) > 170 for row in angles)
    shown = list(VideoFile(tmp_path / "out" / "clip_overlay.mp4"))
    assert len(shown) == FRAMES and shown[0].image.shape == (190, 330, 3)
    record = json.loads((tmp_path / "out" / "clip_video.json").read_text())
    assert [t["seen"] for t in record["tracks"]] == [FRAMES, FRAMES]


def test_without_tracks_every_frame_is_a_photo(tmp_path: Path) -> None:
    pipeline, detector = watched()
    summary = predict_video(clip_in(tmp_path), pipeline, tmp_path / "out")
    assert detector.calls == FRAMES and summary.tracks == ()
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "clip_frames",
        "clip_overlay.mp4",
        "clip_video.json",
    }
    assert len(list((tmp_path / "out" / "clip_frames").glob("clip_0*.json"))) == FRAMES


def test_poses_between_seen_frames_are_interpolated(tmp_path: Path) -> None:
    pipeline, _ = watched()
    summary = predict_video(clip_in(tmp_path), pipeline, tmp_path / "out", replace(TRACKED, every=2))
    assert (summary.frames, summary.seen) == (FRAMES, 5)
    rows = table(tmp_path / "out" / "clip_tracks.csv")
    assert len(rows) == 2 * FRAMES and {r["frame"] for r in rows if r["seen"] == "0"} == {"1", "3", "5", "7"}
    for row in rows:
        assert (
            abs(float(row["neck_x"]) - people_at(int(row["frame"]))[int(row["person"]) - 1][Joint.NECK, 0])
            < 3
        )


def test_a_second_run_sees_nothing_again_and_writes_the_same(tmp_path: Path) -> None:
    pipeline, detector = watched()
    clip = clip_in(tmp_path)
    predict_video(clip, pipeline, tmp_path / "out", TRACKED)
    before, calls = contents(tmp_path / "out"), detector.calls
    for frame in (3, 6, 7):
        (tmp_path / "out" / "clip_frames" / f"clip_{frame:06d}.json").unlink()
    summary = predict_video(clip, pipeline, tmp_path / "out", TRACKED)
    assert summary.predicted == 3 and detector.calls == calls
    assert contents(tmp_path / "out") == before
    with pytest.raises(ValueError, match=r"other settings \(video.every was 1, is 2\)"):
        predict_video(clip, pipeline, tmp_path / "out", replace(TRACKED, every=2))


def killed(clip: Path, out: Path) -> None:
    """Predict in this process, and kill it (signal 9) at the second detection, in frame 4."""
    pipeline, detector = watched()

    def deadly(image: Rgb) -> PersonBoxes:
        if detector.calls == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return detector(image)

    predict_video(clip, replace(pipeline, detector=deadly), out, TRACKED)


def test_a_run_that_is_killed_goes_on(tmp_path: Path) -> None:
    """It leaves whole frames only; the next run ends with the results of an undisturbed one."""
    clip, out = clip_in(tmp_path), tmp_path / "out"
    script = "import sys, pathlib, test_predict as t; t.killed(*map(pathlib.Path, sys.argv[1:]))"
    here = Path(__file__).resolve()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(here.parents[k]) for k in range(3))}
    process = subprocess.run(
        [sys.executable, "-c", script, str(clip), str(out)], env=environment, check=False
    )
    assert process.returncode == -signal.SIGKILL
    assert [p.name for p in out.iterdir()] == ["clip_frames"]
    assert predict_video(clip, watched()[0], out, TRACKED).predicted == FRAMES - 4
    predict_video(clip, watched()[0], tmp_path / "undisturbed", TRACKED)
    assert contents(out) == contents(tmp_path / "undisturbed")
    assert len(list(VideoFile(out / "clip_overlay.mp4"))) == FRAMES


def test_heads_are_hidden_in_every_frame(tmp_path: Path) -> None:
    """No red of a forehead square is left in the overlay of any frame, but hands stay."""
    pipeline, _ = watched()
    predict_video(clip_in(tmp_path), pipeline, tmp_path / "shown", TRACKED)
    predict_video(clip_in(tmp_path), pipeline, tmp_path / "hidden", replace(TRACKED, hide=("head",), every=2))
    first, second = (list(VideoFile(tmp_path / name / "clip_overlay.mp4")) for name in ("shown", "hidden"))
    assert len(second) == FRAMES
    for frame, (shown, hidden) in enumerate(zip(first, second, strict=True)):
        for person in people_at(frame):
            x, y = person[Joint.FOREHEAD].astype(int)
            window = (slice(y - 8, y + 9), slice(x - 8, x + 9))
            assert np.abs(shown.image[window].astype(int) - hidden.image[window]).mean() > 5


def test_nobody_is_a_result(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", [np.zeros((48, 64, 3), np.uint8)] * 4)
    summary = predict_video(clip, pipeline_of(PersonBoxes.empty(), CONFIG), tmp_path / "out", TRACKED)
    assert summary.frames == 4 and summary.tracks == ()
    assert table(tmp_path / "out" / "clip_tracks.csv") == []
    assert len(list(VideoFile(tmp_path / "out" / "clip_overlay.mp4"))) == 4

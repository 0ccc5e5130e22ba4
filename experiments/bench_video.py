"""Measure how well and how fast videos are followed, on synthetic clips with exact labels.

    python experiments/bench_video.py                                    # seeds 3 to 7, 60 frames each
    python experiments/bench_video.py --seeds 11 12 13 --speed accurate --keep clips

Every clip has three people of whom two walk past each other in front of the third (`posepart.synthetic.clips`). For
each seed it prints

- IDF1 of boxes (IoU 0.5) and of poses (OKS 0.5), and how many people are followed;
- jitter, the median change of the error's velocity from frame to frame, and the mean and median error of visible
  joints, px, as found and smoothed;
- frames a second: of the networks alone on one frame after the other, of `predict_video` without and with tracks,
  which both write results and overlay video.

Jitter and errors are those of each track against the true person whom it follows longest. `--keep DIR` keeps clips
and results, so that a second run looks at tracks and smoothing alone.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jsonargparse import Namespace
from jsonargparse.typing import PositiveInt

import posepart
from posepart.arrays import Float64, Rgb
from posepart.geometry.boxes import box_iou
from posepart.metrics.identity import identity_f1
from posepart.metrics.people import LabelledPeople, PredictedPeople
from posepart.metrics.similarity import object_keypoint_similarity
from posepart.pipeline import Pipeline
from posepart.schema import NUM_JOINTS
from posepart.structures import Person
from posepart.synthetic.clips import FPS, clip
from posepart.training.scripts import run_script, script_parser
from posepart.video.frames import FrameFiles
from posepart.video.looks import looks_of
from posepart.video.predict import VideoSummary, predict_video
from posepart.video.reading import VideoFile
from posepart.video.settings import TrackConfig, VideoConfig
from posepart.video.smoothing import SmoothTrack, people_of, smooth_tracks
from posepart.video.tracker import Tracker
from posepart.video.writing import write_video

SMALLEST = 150  # px of a person that are seen; people of fewer do not count
TIMED = 20  # frames that are predicted one by one
VISIBLE = 2


@dataclass(frozen=True)
class Truth:
    """The people of a clip."""

    joints: Float64  # (F, P, 14, 3) x, y, visibility
    boxes: Float64  # (F, P, 4) xyxy
    seen: np.ndarray  # (F, P) bool, people with enough pixels


@dataclass(frozen=True)
class Errors:
    """Of the joints of all tracks."""

    jitter: float  # px
    mean: float  # px
    median: float  # px


def make_clip(seed: int, frames: int, folder: Path) -> tuple[Path, Truth]:
    """The clip of a seed, and its truth; made once in a folder."""
    path, labels = folder / f"clip{seed}.mp4", folder / f"clip{seed}.json"
    if not labels.exists():
        scenes = list(clip(seed, frames))
        write_video(path, ((k / FPS, scene.image) for k, scene in enumerate(scenes)))
        everybody = [
            {p.figure: (p.joints.tolist(), p.box.tolist(), int(p.area)) for p in scene.people}
            for scene in scenes
        ]
        labels.write_text(json.dumps(everybody), encoding="utf-8")
    stored = json.loads(labels.read_text(encoding="utf-8"))
    people = sorted({int(figure) for frame in stored for figure in frame})
    joints, boxes = (
        np.zeros((len(stored), len(people), NUM_JOINTS, 3)),
        np.zeros((len(stored), len(people), 4)),
    )
    area = np.zeros((len(stored), len(people)))
    for k, frame in enumerate(stored):
        for column, figure in enumerate(people):
            if str(figure) in frame:
                joints[k, column], boxes[k, column], area[k, column] = frame[str(figure)]
    return path, Truth(joints, boxes, area >= SMALLEST)


def identity_scores(tracks: tuple[SmoothTrack, ...], truth: Truth) -> tuple[float, float]:
    """IDF1 by boxes and by poses."""
    by_box, by_pose = [], []
    for k in range(len(truth.seen)):
        found = people_of(tracks, k)
        numbers, true = np.array(list(found), np.int64), np.flatnonzero(truth.seen[k])
        predicted = as_people(list(found.values()))
        labelled = LabelledPeople.from_joints(truth.joints[k, true], truth.boxes[k, true])
        by_box.append((numbers, true, box_iou(predicted.boxes, labelled.boxes)))
        by_pose.append((numbers, true, object_keypoint_similarity(predicted, labelled)))
    return identity_f1(by_box), identity_f1(by_pose)


def as_people(people: list[Person]) -> PredictedPeople:
    """People as the measures take them."""
    ones = np.ones(len(people))
    return PredictedPeople(
        np.array([p.pose.xy for p in people], np.float64).reshape(-1, NUM_JOINTS, 2),
        np.array([p.pose.joint_scores for p in people], np.float64).reshape(-1, NUM_JOINTS),
        np.array([p.box for p in people], np.float64).reshape(-1, 4),
        ones,
        ones,
    )


def joint_errors(tracks: tuple[SmoothTrack, ...], truth: Truth) -> Errors:
    """How far visible joints are from where they should be, and how unsteadily."""
    steps, lengths = [np.zeros(0)], [np.zeros(0)]
    for track in tracks:
        xy = np.where(
            truth.joints[track.frames, :, :, 2:] == VISIBLE, truth.joints[track.frames, :, :, :2], np.nan
        )
        error = np.where(track.scores[:, None, :, None] > 0, track.xy[:, None], np.nan) - xy  # (T, P, 14, 2)
        far = np.nan_to_num(np.linalg.norm(error, axis=-1), nan=np.inf).min(
            axis=2
        )  # of a person's best joint
        followed = np.argmax(np.bincount(far.argmin(axis=1), minlength=far.shape[1]))
        own = error[:, followed]
        lengths.append(np.linalg.norm(own, axis=-1).ravel())
        steps.append(np.linalg.norm(np.diff(own, n=2, axis=0), axis=-1).ravel())
    step, length = np.concatenate(steps), np.concatenate(lengths)
    return Errors(float(np.nanmedian(step)), float(np.nanmean(length)), float(np.nanmedian(length)))


def tracks_of(path: Path, files: FrameFiles, config: TrackConfig, smoothed: bool) -> tuple[SmoothTrack, ...]:
    """The tracks of stored results, smoothed or as found."""
    tracker, seconds = Tracker(config), []
    for frame in VideoFile(path):
        seconds.append(frame.seconds)
        scene = files.read(frame.index)
        if scene is not None:
            tracker.observe(frame.index, frame.seconds, scene.people, looks_of(frame.image, scene))
    return smooth_tracks(tracker.tracks, np.array(seconds), config, smoothed)


def stored_frames(path: Path, out: Path) -> FrameFiles:
    """The results of the frames that `predict_video` has written."""
    run = json.loads((out / f"{path.stem}_video.json").read_text(encoding="utf-8"))["run"]
    return FrameFiles(out / f"{path.stem}_frames", path.stem, run)


def photos_a_second(pipeline: Pipeline, images: list[Rgb]) -> float:
    """Frames as photos of their own, of which nothing is written."""
    started = time.perf_counter()
    for image in images:
        pipeline(image)
    return len(images) / (time.perf_counter() - started)


def videos_a_second(path: Path, pipeline: Pipeline, out: Path, track: bool) -> tuple[float, VideoSummary]:
    """Frames of a whole run; 0 where the results were there."""
    summary = predict_video(
        path, pipeline, out / ("tracked" if track else "photos"), VideoConfig(track=track)
    )
    return summary.predicted / summary.seconds, summary


def measure(options: Namespace, folder: Path) -> None:
    """Print a block for every seed."""
    pipeline = posepart.load(options.model, speed=options.speed)
    pipeline(next(iter(clip(options.seeds[0], 1))).image)  # its networks are compiled at the first photo
    for seed in options.seeds:
        path, truth = make_clip(seed, options.frames, folder)
        tracked, summary = videos_a_second(path, pipeline, folder, True)
        files, config = stored_frames(path, folder / "tracked"), TrackConfig()
        boxes, poses = identity_scores(summary.tracks, truth)
        followed = f"{len(summary.tracks)} people followed, {summary.detections} detections"
        print(
            f"seed {seed}: IDF1 boxes {boxes:.2f}, poses {poses:.2f}; {followed} in {summary.frames} frames"
        )
        for name, smoothed in (("as found", False), ("smoothed", True)):
            e = joint_errors(tracks_of(path, files, config, smoothed), truth)
            print(f"  {name}: jitter {e.jitter:.2f} px, error {e.mean:.1f} px mean, {e.median:.2f} px median")
        if options.time:
            images = [scene.image for scene in clip(seed, TIMED)]
            alone, (photos, _) = (
                photos_a_second(pipeline, images),
                videos_a_second(path, pipeline, folder, False),
            )
            print(f"  frames a second: networks {alone:.1f}, photos {photos:.1f}, tracked {tracked:.1f}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure in a folder that stays, or in one that goes."""
    parser = script_parser(__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4, 5, 6, 7], help="Clips.")
    parser.add_argument("--frames", type=PositiveInt, default=60, help="Frames of each clip.")
    parser.add_argument("--model", type=str, default="posepart-s", help="Model.")
    parser.add_argument("--speed", type=str, default="fast", help="accurate, balanced or fast.")
    parser.add_argument("--keep", type=str, default=None, help="Folder for clips and results.")
    parser.add_argument("--time", type=bool, default=True, help="Measure frames a second, too.")
    options = parser.parse_args(arguments)
    if options.keep is not None:
        Path(options.keep).mkdir(parents=True, exist_ok=True)
        measure(options, Path(options.keep))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(options, Path(folder))


if __name__ == "__main__":
    run_script(main)

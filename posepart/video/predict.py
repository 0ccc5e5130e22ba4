"""A video from file to results: frames, tracks, tables and an overlay video."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from posepart.arrays import Float64, Rgb
from posepart.draw import draw_overlay
from posepart.io.files import sha256, write_json
from posepart.io.run_folder import prepare_out
from posepart.io.terminal import progress
from posepart.pipeline import Pipeline
from posepart.structures import Person, Scene
from posepart.video.frames import FrameFiles, Lookout
from posepart.video.hiding import hide_heads, with_neighbours
from posepart.video.reading import Frame, VideoFile
from posepart.video.settings import VideoConfig
from posepart.video.smoothing import SmoothTrack, people_of, smooth_tracks
from posepart.video.tables import write_angles, write_tracks
from posepart.video.tracker import Tracker
from posepart.video.writing import write_video


@dataclass(frozen=True)
class VideoSummary:
    """How a video went."""

    path: Path
    frames: int  # all of them
    seen: int  # by the networks, in this run or an earlier one
    predicted: int  # of these, in this run
    detections: int  # frames in which the detector looked for people
    damaged: int  # pieces of the file that cannot be decoded
    tracks: tuple[SmoothTrack, ...]  # none without `track`
    seconds: float  # wall time

    def __str__(self) -> str:
        text = f"{self.path}: {self.frames} frames in {self.seconds:.1f} s"
        if self.seen < self.frames:
            text += f"; the networks saw {self.seen} of them"
        if self.predicted < self.seen:
            text += f"; {self.seen - self.predicted} complete already (--overwrite makes them anew)"
        if self.tracks:
            text += f"; {len(self.tracks)} {'person' if len(self.tracks) == 1 else 'people'} followed"
        if self.damaged:
            text += f"; {self.damaged} damaged pieces of the file left out"
        return text


def predict_video(
    path: Path,
    pipeline: Pipeline,
    out: Path,
    config: VideoConfig | None = None,
    settings: Mapping[str, Any] | None = None,
    *,
    overwrite: bool = False,
) -> VideoSummary:
    """Write the results of a video NAME.mp4 into a folder.

    `NAME_frames/` receives the result of every frame that the networks see, `NAME_overlay.mp4` shows all frames, and
    `NAME_video.json`, which is written last, says what was done. With `track` come `NAME_tracks.csv` and
    `NAME_angles.csv`. A run that was stopped goes on where it was: frames with results are not seen again.

    Parameters
    ----------
    path, out : Path
    pipeline : Pipeline
    config : VideoConfig, optional
    settings : mapping, optional
        What else decides the results, for `run.json`; `deterministic` in it writes wall times as 0.
    overwrite : bool
        Look at frames again that have results, and accept results of other settings.

    Returns
    -------
    VideoSummary

    Raises
    ------
    ValueError
        The video cannot be read, or the folder holds results of another video of this name or of other settings.
    """
    started = time.perf_counter()
    config, path = config or VideoConfig(), Path(path)
    folder = out / f"{path.stem}_frames"
    deciding = {key: value for key, value in asdict(config).items() if key != "hide"}
    everything = {**(settings or {"model": pipeline.name}), "video": {**deciding, "sha256": _digest(path)}}
    run = prepare_out(folder, [], everything, overwrite=overwrite)
    files = FrameFiles(folder, path.stem, run, bool(everything.get("deterministic")))
    work = _Work(VideoFile(path), files, config)
    work.look(pipeline, known=not overwrite)
    if config.track:
        write_tracks(out / f"{path.stem}_tracks.csv", work.tracks, work.seconds)
        write_angles(out / f"{path.stem}_angles.csv", work.tracks, work.seconds)
    write_video(out / f"{path.stem}_overlay.mp4", work.overlays())
    summary = work.summary(time.perf_counter() - started)
    write_json(out / f"{path.stem}_video.json", _record(summary, run, config))
    return summary


@dataclass
class _Work:
    """A video while it is being predicted."""

    clip: VideoFile
    files: FrameFiles
    config: VideoConfig
    seconds: Float64 = field(default_factory=lambda: np.zeros(0))  # (F,), of all frames
    tracks: tuple[SmoothTrack, ...] = ()
    seen: int = 0
    predicted: int = 0
    detections: int = 0

    def look(self, pipeline: Pipeline, known: bool) -> None:
        """The first reading: what the networks see, and the tracks of it."""
        tracker = Tracker(self.config.tracks) if self.config.track else None
        lookout, seconds = Lookout(pipeline, tracker, self.config.detect_every), []
        for frame in progress(self.clip, unit="frame"):
            seconds.append(frame.seconds)
            if frame.index % self.config.every == 0:
                _, _, ran = lookout.look(frame, self.files, known)
                self.seen, self.predicted = self.seen + 1, self.predicted + ran
        self.seconds, self.detections = np.array(seconds), lookout.detections
        if tracker is not None:
            self.tracks = smooth_tracks(tracker.tracks, self.seconds, self.config.tracks)

    def overlays(self) -> Iterator[tuple[float, Rgb]]:
        """The second reading: the time and the picture of every frame."""
        for frame in self.clip:
            yield frame.seconds, self._overlay(frame)

    def _overlay(self, frame: Frame) -> Rgb:
        image, scene = frame.image, self.files.read(frame.index)
        nothing = np.zeros(image.shape[:2], np.uint8)
        part_map = nothing if scene is None else scene.part_map
        found = () if scene is None else scene.people
        people = dict(enumerate(found, start=1))
        if self.config.track:
            people = people_of(self.tracks, frame.index)
        if "head" in self.config.hide:
            image = hide_heads(image, self._heads(frame.index, found), part_map)
        shown = Scene(tuple(people.values()), part_map, nothing, "video")
        return draw_overlay(image, shown, numbers=tuple(people))

    def _heads(self, frame: int, found: Sequence[Person]) -> list[Person]:
        """Everybody whose head may be in a frame, also somebody too seldom seen to be a track."""
        reach = self.config.detect_every * self.config.every
        return [*found, *with_neighbours(self.tracks, frame, reach)]

    def summary(self, seconds: float) -> VideoSummary:
        """How it went."""
        return VideoSummary(
            self.clip.path,
            len(self.seconds),
            self.seen,
            self.predicted,
            self.detections,
            self.clip.damaged,
            self.tracks,
            seconds,
        )


def _digest(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read as a video ({error.strerror})") from None


def _record(summary: VideoSummary, run: str, config: VideoConfig) -> dict[str, Any]:
    """The content of NAME_video.json."""
    return {
        "video": summary.path.name,
        "run": run,
        "settings": asdict(config),
        "frames": summary.frames,
        "seen": summary.seen,
        "detections": summary.detections,
        "damaged": summary.damaged,
        "tracks": [
            {
                "person": track.number,
                "first_frame": int(track.frames[0]),
                "last_frame": int(track.frames[-1]),
                "seen": int(track.seen.sum()),
            }
            for track in summary.tracks
        ],
    }

"""What the networks see in a video, frame by frame: a file for every frame, so that a run can be resumed.

The results of frame 12 of `clip.mp4` are `clip_000012.json` and its PNGs, as of a photo, in folder `clip_frames`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from posepart.io.results import PhotoInfo, read_record, read_result, write_result
from posepart.pipeline import Pipeline
from posepart.structures import PersonBoxes, Scene
from posepart.video.looks import looks_of
from posepart.video.reading import Frame
from posepart.video.tracker import Tracker


@dataclass(frozen=True)
class FrameFiles:
    """The results of the frames of one video."""

    folder: Path  # exists
    name: str  # of the video, without its suffix
    run: str  # digest of the settings, from `io.run_folder.prepare_out`
    deterministic: bool = False  # wall times are written as 0

    def read(self, index: int) -> Scene | None:
        """The result of a frame; None if it is not there, not complete, or of other settings."""
        path = self._path(index)
        if not path.is_file():
            return None
        try:
            return read_result(path) if read_record(path).get("run") == self.run else None
        except ValueError:
            return None

    def write(self, index: int, scene: Scene) -> Scene:
        """Write the result of a frame and read it again: numbers are rounded, in a run that is resumed or not."""
        name = self._path(index).stem
        info = PhotoInfo(name, f"{name}.png", *scene.size)
        path = write_result(scene, info, self.folder, run=self.run, deterministic=self.deterministic)
        return read_result(path)

    def _path(self, index: int) -> Path:
        return self.folder / f"{self.name}_{index:06d}.json"


class Lookout:
    """Decides which boxes the networks see in a frame: those of the detector, or those of the people followed.

    Parameters
    ----------
    pipeline : Pipeline
    tracker : Tracker or None
        None makes every frame a photo of its own.
    detect_every : int
        Frames from detection to detection. If somebody was not found, the next frame has a detection, too.
    """

    def __init__(self, pipeline: Pipeline, tracker: Tracker | None, detect_every: int) -> None:
        self.pipeline, self.tracker, self.detect_every = pipeline, tracker, detect_every
        self.detections = 0  # frames for which the detector was due, also those whose results were there
        self._since = detect_every

    def look(self, frame: Frame, files: FrameFiles, known: bool) -> tuple[Scene, tuple[int, ...], bool]:
        """The result of a frame.

        Parameters
        ----------
        frame : Frame
            The next one to be seen.
        files : FrameFiles
        known : bool
            Whether a result that is there may be used.

        Returns
        -------
        Scene
        tuple of int
            The track of every person, or their order without a tracker.
        bool
            Whether the networks ran.
        """
        due = self.tracker is None or self.tracker.lost or self._since >= self.detect_every
        self._since = 1 if due else self._since + 1
        self.detections += due
        before = files.read(frame.index) if known else None
        scene = before or files.write(frame.index, self._trace(frame, due))
        if self.tracker is None:
            return scene, tuple(range(1, len(scene.people) + 1)), before is None
        looks = looks_of(frame.image, scene)
        return scene, self.tracker.observe(frame.index, frame.seconds, scene.people, looks), before is None

    def _trace(self, frame: Frame, due: bool) -> Scene:
        image = frame.image
        if due or self.tracker is None:
            return self.pipeline.trace(image).scene
        boxes: PersonBoxes = self.tracker.boxes(frame.seconds, image.shape[:2])
        return replace(self.pipeline, detector=lambda _: boxes).trace(image).scene

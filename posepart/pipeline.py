"""Figure 2 of Xia et al. (CVPR 2017): from a photo to its people, joints and parts."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from posepart.config import PipelineConfig
from posepart.io.photo_errors import PhotoError, photo_error
from posepart.io.photos import Photo, take_photo
from posepart.ordered import in_order
from posepart.stages.calibration import Calibration, calibrate
from posepart.stages.crops import crop_boxes
from posepart.stages.detection import PersonDetector
from posepart.stages.merge import Source, merge
from posepart.stages.networks import CropNetworks
from posepart.stages.poses import choose_poses
from posepart.stages.refinement import Refiner
from posepart.stopwatch import Stopwatch
from posepart.structures import Evidence, Grouping, Scene

Assembler = Callable[[Evidence], Grouping]  # candidates -> poses of one crop


@dataclass(frozen=True)
class Trace:
    """A result, and how it came about."""

    scene: Scene
    evidence: tuple[Evidence, ...]  # one per person box, best box first; parts as the last CRF read them
    groupings: tuple[Grouping, ...]  # what the assembler made of each
    sources: tuple[Source, ...]  # the crop and pose from which each of the scene's people comes
    left_out: int = 0  # further people whom the detector found, beyond `detection.max_people`


@dataclass(frozen=True)
class Pipeline:
    """Figure 2: photo -> `Scene`. Exchange a stage with `dataclasses.replace`."""

    detector: PersonDetector  # photo -> PersonBoxes: Faster R-CNN, Sec. 3
    networks: CropNetworks  # crops -> Evidence: Pose FCN and Part FCN, Sec. 3
    assembler: Assembler  # Evidence -> Grouping: the CRF as an ILP, Sec. 3.1
    refiner: Refiner | None  # parts and poses -> parts: second-stage Part FCN, Sec. 3.2
    config: PipelineConfig = field(default_factory=PipelineConfig)
    calibration: Calibration | None = None  # changes reported scores only
    name: str = "unnamed"  # of the model, goes into every result
    turn: AbstractContextManager[Any] = field(default_factory=Lock)  # held while networks compute

    def __getstate__(self) -> dict[str, Any]:
        """All but the lock: a copy gets its own."""
        return {**vars(self), "turn": self.turn if isinstance(self.turn, nullcontext) else None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, turn=Lock() if state["turn"] is None else state["turn"])

    def __call__(self, photo: Photo) -> Scene:
        """People, joints and parts of a photo.

        Several threads may call it at the same time, and it can be pickled.

        Parameters
        ----------
        photo : (H, W, 3) uint8 RGB, Pillow image, str or Path
            Of a file or a Pillow image, the EXIF orientation is applied: the result is that of the upright photo.

        Returns
        -------
        Scene
            With the photo, which `plot` draws on.

        Raises
        ------
        ValueError
            The photo cannot be read, or has another shape or type.
        """
        loaded = take_photo(photo)
        for note in loaded.notes:
            warnings.warn(f"{loaded.file_name or 'the photo'}: {note}", stacklevel=2)
        scene = self.trace(loaded.image).scene
        return replace(scene, photo=loaded.image, file_name=loaded.file_name)

    def trace(self, photo: Photo) -> Trace:
        """The scene, without the photo, and everything that led to it, which `posepart.explain` reads.

        Parameters and errors are those of `__call__`.
        """
        photo = take_photo(photo).image
        clock = Stopwatch()
        with self.turn:
            boxes = clock.time("detection", self.detector, photo)
            crops = clock.time("crops", crop_boxes, photo, boxes, self.config.crop)
            evidence = clock.time("networks", self.networks, crops)
        trace = self.conclude(evidence, (photo.shape[0], photo.shape[1]), clock)
        return replace(trace, left_out=boxes.left_out)

    def stream(self, photos: Iterable[Photo], at_once: int = 1) -> Iterator[tuple[str, Scene | PhotoError]]:
        """The scenes of many photos, in order, in memory that does not grow with their number.

        Parameters
        ----------
        photos : iterable of str, Path, Pillow image or (H, W, 3) uint8 RGB
            Photo files or photos; read only as needed, so that it may be endless.
        at_once : int
            Photos that are in work at the same time, each in a thread of its own.

        Yields
        ------
        str
            The path of the photo as it was given, or, for other than paths, its number among the photos, from 1.
        Scene or PhotoError
            The result, or one sentence that says why there is none; the photos after it are predicted all the same.

        Raises
        ------
        ValueError
            `photos` is a single path, or `at_once` is below 1.
        """
        if isinstance(photos, str | Path):
            raise ValueError(f"photos: expected a list of paths, got {photos!r}; write [{photos!r}]")
        return in_order(self._named, enumerate(photos, start=1), at_once)

    def _named(self, numbered: tuple[int, Photo]) -> tuple[str, Scene | PhotoError]:
        number, photo = numbered
        name = str(photo) if isinstance(photo, str | Path) else str(number)
        try:
            return name, self(photo)
        except Exception as error:  # whatever is wrong with one photo, the others are still predicted
            return name, photo_error(name, error)

    def conclude(
        self, evidence: Sequence[Evidence], photo_shape: tuple[int, int], clock: Stopwatch | None = None
    ) -> Trace:
        """The stages after the networks; ablations start here, from evidence that they keep in files.

        With `rounds` above 1 (Sec. 3.2, "iteratively") the CRF reads the parts that the second stage has refined,
        the second stage reads the first-stage parts with the new poses, and so on; without a second stage every
        round is the first.

        Parameters
        ----------
        evidence : sequence of Evidence
            One per person box, best box first.
        photo_shape : (H, W)
        clock : Stopwatch, optional
            Counts the time of the stages; a new one by default.
        """
        clock = clock or Stopwatch()
        first_stage = parts = [seen.parts for seen in evidence]
        for _ in range(self.config.rounds):
            evidence = [replace(seen, parts=own) for seen, own in zip(evidence, parts, strict=True)]
            groupings = [clock.time("crf", self.assembler, seen) for seen in evidence]
            clock.move(sum(grouping.certificate.seconds for grouping in groupings), "crf", "ilp")
            choices = [
                choose_poses(grouping, seen.crop, self.config.choice)
                for grouping, seen in zip(groupings, evidence, strict=True)
            ]
            if self.refiner is not None:
                with self.turn:
                    parts = clock.time("refinement", self.refiner, first_stage, choices)
        merged = clock.time("merge", merge, evidence, groupings, choices, parts, photo_shape, self.config)
        scene = Scene(merged.people, merged.part_map, merged.person_map, self.name, clock.seconds)
        return Trace(calibrate(scene, self.calibration), tuple(evidence), tuple(groupings), merged.sources)

"""Who is who from frame to frame: poses are assigned to the predictions of the tracks, all at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from posepart.arrays import Float64, Mask
from posepart.geometry.boxes import box_iou
from posepart.geometry.pose_boxes import pose_extent
from posepart.schema import OKS_SIGMAS
from posepart.structures import Person, PersonBoxes
from posepart.video.looks import NO_LOOKS, Looks, likeness, remembered
from posepart.video.motion import Motion, advance, body_size, correct, foresee, unseen
from posepart.video.settings import TrackConfig

_FEW_JOINTS = 4  # joints in common below which the similarity of two poses is trusted less


@dataclass
class Track:
    """One person through the clip."""

    number: int  # from 1, in the order in which people appear
    motion: Motion  # when last seen
    size: float  # when last seen, px
    seen: list[int] = field(default_factory=list)  # the frames
    seconds: list[float] = field(default_factory=list)  # their times
    people: list[Person] = field(default_factory=list)  # what was found in them
    looks: Looks = NO_LOOKS  # the colours of its parts, as remembered

    def foreseen(self, seconds: float, config: TrackConfig) -> Motion:
        """The prediction for a moment after the last sight."""
        return foresee(self.motion, seconds - self.seconds[-1], self.size, config.motion)

    def add(self, frame: int, seconds: float, person: Person, config: TrackConfig) -> None:
        """Take up what was found of the person in a frame."""
        before = (
            advance(self.motion, seconds - self.seconds[-1], self.size, config.motion)
            if self.seen
            else self.motion
        )
        self.size = body_size(person.box)
        pose = person.pose
        self.motion = correct(before, pose.xy, pose.joint_scores, self.size, config.motion)
        self.seen.append(frame)
        self.seconds.append(seconds)
        self.people.append(person)


class Tracker:
    """Follows the people of a clip.

    Parameters
    ----------
    config : TrackConfig, optional
    """

    def __init__(self, config: TrackConfig | None = None) -> None:
        self.config = config or TrackConfig()
        self.tracks: list[Track] = []  # all of them, in order of their numbers
        self.lost = False  # whether somebody who was there the time before was not found the last time
        self._frame = -1  # the last one

    def observe(
        self, frame: int, seconds: float, people: Sequence[Person], looks: Sequence[Looks] | None = None
    ) -> tuple[int, ...]:
        """Take up the people of the next frame.

        Parameters
        ----------
        frame : int
            Number of the frame, larger than the last one.
        seconds : float
            Its time, larger than the last one.
        people : sequence of Person
            Somebody without a joint cannot be followed, and is somebody new in every frame.
        looks : sequence of Looks, optional
            How each of them looks.

        Returns
        -------
        tuple of int
            The track of every person; no two are alike.
        """
        living = [t for t in self.tracks if seconds - t.seconds[-1] <= self.config.longest_gap]
        looks = [NO_LOOKS] * len(people) if looks is None else looks
        alike = np.zeros((len(living), len(people)))
        bonus = np.zeros_like(alike)
        for row, track in enumerate(living):
            foreseen = track.foreseen(seconds, self.config)
            for column, person in enumerate(people):
                alike[row, column] = similarity(foreseen, track.size, person, self.config.margin)
                bonus[row, column] = likeness(track.looks, looks[column], self.config.looks.spread)
        possible = alike >= self.config.least_similarity
        worth = np.where(possible, alike + self.config.looks.weight * bonus, 0.0)
        found: dict[int, Track] = {}
        for row, column in zip(*linear_sum_assignment(-worth), strict=True):
            if possible[row, column]:
                found[int(column)] = living[row]
        self.lost = any(t.seen[-1] == self._frame and t not in found.values() for t in living)
        for column, person in enumerate(people):
            track = found.get(column) or self._begin(person)
            found[column] = track
            track.add(frame, seconds, person, self.config)
            track.looks = remembered(track.looks, looks[column], self.config.looks.share)
        self._frame = frame
        return tuple(found[column].number for column in range(len(people)))

    def _begin(self, person: Person) -> Track:
        size = body_size(person.box)
        self.tracks.append(Track(len(self.tracks) + 1, unseen(size, self.config.motion), size))
        return self.tracks[-1]

    def boxes(self, seconds: float, shape: tuple[int, int]) -> PersonBoxes:
        """Where the people of the last frame are at a moment after it.

        Parameters
        ----------
        seconds : float
        shape : (H, W)
            Of the frames.

        Returns
        -------
        PersonBoxes
            Best first. Boxes end where the frame ends; a person who has left it has none.
        """
        edge = np.array([shape[1], shape[0]] * 2) - 0.5
        boxes, scores = [], []
        for track in self.tracks:
            if track.seen[-1] != self._frame:
                continue
            box = np.clip(foreseen_box(track.foreseen(seconds, self.config), track, self.config), -0.5, edge)
            if (box[2:] - box[:2]).min() >= 1:
                boxes.append(box)
                scores.append(track.people[-1].box_score)
        order = np.argsort(-np.array(scores), kind="stable")
        xyxy = np.array(boxes, np.float32).reshape(-1, 4)
        return PersonBoxes(xyxy[order], np.array(scores, np.float32)[order])


def foreseen_box(foreseen: Motion, track: Track, config: TrackConfig) -> Float64:
    """The box (4,) xyxy of a track from the prediction of its joints; without joints, where it last was."""
    known = foreseen.known(track.size)
    if known.sum() < 2:
        return np.asarray(track.people[-1].box, np.float64)
    return pose_extent(foreseen.xy[known], config.margin)


def similarity(foreseen: Motion, size: float, person: Person, margin: float) -> float:
    """How alike a prediction and a person are: the mean of two similarities, either in [0, 1].

    - object keypoint similarity: the mean of exp(-d^2 / (2 (s^2 (2 sigma)^2 + v))) over the joints that are known
      and seen, where v is the variance of the prediction: after a gap, poses may be further apart;
    - intersection over union of the boxes around these joints.

    With fewer than `_FEW_JOINTS` joints in common the first counts in proportion.
    """
    common: Mask = foreseen.known(size) & person.pose.present
    if not common.any():
        return 0.0
    squared = ((foreseen.xy[common] - person.pose.xy[common]) ** 2).sum(axis=1)
    spread = (2 * OKS_SIGMAS[common] * size) ** 2 + foreseen.variance[common]
    keypoints = float(np.exp(-squared / (2 * spread)).mean()) * min(1.0, common.sum() / _FEW_JOINTS)
    boxes = [pose_extent(xy[common], margin)[None] for xy in (foreseen.xy, person.pose.xy)]
    return 0.5 * (keypoints + float(box_iou(*boxes)[0, 0]))

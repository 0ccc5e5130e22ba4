"""Tracks with smooth joints in every frame from the first to the last sight of a person, gaps bridged."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index, Mask, check_shape
from posepart.geometry.pose_boxes import pose_extent
from posepart.schema import NUM_JOINTS
from posepart.structures import Certificate, Person, Pose
from posepart.video.motion import body_size, smooth
from posepart.video.settings import TrackConfig
from posepart.video.tracker import Track

INTERPOLATED = Certificate.none("interpolated between frames")


@dataclass(frozen=True)
class SmoothTrack:
    """One person in consecutive frames."""

    number: int  # of the track, from 1
    frames: Index  # (T,)
    xy: Float64  # (T, 14, 2), px
    scores: Float64  # (T, 14), in [0, 1]; 0 for an absent joint
    seen: Mask  # (T,), frames in which the person was found; the others are interpolated
    box_scores: Float64  # (T,), the detector's, in [0, 1]
    margin: float  # how far the body reaches beyond its joints, share of their longer side

    def __post_init__(self) -> None:
        length = len(self.frames)
        check_shape("SmoothTrack.xy", self.xy, (length, NUM_JOINTS, 2))
        check_shape("SmoothTrack.scores", self.scores, (length, NUM_JOINTS))
        check_shape("SmoothTrack.seen", self.seen, (length,))
        check_shape("SmoothTrack.box_scores", self.box_scores, (length,))

    def person(self, row: int) -> Person | None:
        """The person in frame `frames[row]`; None where no joint is known."""
        present = self.scores[row] > 0
        if not present.any():
            return None
        xy = np.where(present[:, None], self.xy[row], 0).astype(np.float32)
        scores = self.scores[row].astype(np.float32)
        box = pose_extent(self.xy[row][present], self.margin).astype(np.float32)
        pose = Pose(xy, scores, float(np.log(scores[present]).sum()))
        return Person(pose, box, float(self.box_scores[row]), INTERPOLATED)


def smooth_track(track: Track, seconds: NDArray, config: TrackConfig, smoothed: bool = True) -> SmoothTrack:
    """A track with its joints smoothed and its gaps filled.

    Parameters
    ----------
    track : Track
    seconds : (F,)
        The times of all frames of the clip, also of those that the networks have not seen.
    config : TrackConfig
        A joint is filled in between two sights of it at most `longest_gap` apart.
    smoothed : bool
        False keeps the joints that were seen as they are, for comparison; gaps are filled all the same.

    Returns
    -------
    SmoothTrack
    """
    frames = np.arange(track.seen[0], track.seen[-1] + 1)
    times, rows = np.asarray(seconds, np.float64)[frames], np.array(track.seen) - track.seen[0]
    xy, scores = np.zeros((len(frames), NUM_JOINTS, 2)), np.zeros((len(frames), NUM_JOINTS))
    xy[rows] = [person.pose.xy for person in track.people]
    scores[rows] = [person.pose.joint_scores for person in track.people]
    sizes = np.interp(times, times[rows], [body_size(person.box) for person in track.people])
    places = smooth(times, xy, scores, sizes, config.motion)
    if not smoothed:
        places = np.where(scores[..., None] > 0, xy, places)
    filled = np.stack([_filled(times, column, config.longest_gap) for column in scores.T], axis=1)
    seen = np.zeros(len(frames), bool)
    seen[rows] = True
    box_scores = np.interp(times, times[rows], [person.box_score for person in track.people])
    return SmoothTrack(track.number, frames, places, filled, seen, box_scores, config.margin)


def smooth_tracks(
    tracks: Iterable[Track], seconds: NDArray, config: TrackConfig, smoothed: bool = True
) -> tuple[SmoothTrack, ...]:
    """The tracks that were seen often enough, as of `smooth_track`, numbered anew from 1."""
    kept = (track for track in tracks if len(track.seen) >= config.least_frames)
    return tuple(
        replace(smooth_track(track, seconds, config, smoothed), number=number)
        for number, track in enumerate(kept, start=1)
    )


def people_of(tracks: Sequence[SmoothTrack], frame: int) -> dict[int, Person]:
    """The people of a frame by the number of their track."""
    people = {}
    for track in tracks:
        row = frame - int(track.frames[0])
        if 0 <= row < len(track.frames) and (person := track.person(row)) is not None:
            people[track.number] = person
    return people


def _filled(seconds: NDArray, scores: NDArray, longest_gap: float) -> Float64:
    """Scores (T,) of one joint, interpolated where it is absent between two sights at most `longest_gap` s apart."""
    sights = np.flatnonzero(scores)
    filled = np.asarray(scores, np.float64).copy()
    for start, end in zip(sights[:-1], sights[1:], strict=True):
        if end > start + 1 and seconds[end] - seconds[start] <= longest_gap:
            between = slice(start + 1, end)
            filled[between] = np.interp(seconds[between], seconds[[start, end]], scores[[start, end]])
    return filled

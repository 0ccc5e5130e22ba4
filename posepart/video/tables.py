"""Tables of a clip: where everybody's joints are in every frame, and the angles at the joints."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posepart.io.files import write_text
from posepart.schema import JOINT_NAMES, Joint
from posepart.video.smoothing import SmoothTrack

_SIDES = ("LEFT", "RIGHT")
# The angle at the middle joint between the directions to the other two.
ANGLES: dict[str, tuple[Joint, Joint, Joint]] = {
    f"{side}_{at}".lower(): (Joint[f"{side}_{start}"], Joint[f"{side}_{at}"], Joint[f"{side}_{end}"])
    for start, at, end in (
        ("HIP", "SHOULDER", "ELBOW"),
        ("SHOULDER", "ELBOW", "WRIST"),
        ("SHOULDER", "HIP", "KNEE"),
        ("HIP", "KNEE", "ANKLE"),
    )
    for side in _SIDES
}
TRUNK = "trunk"  # the line from the middle of the hips to the neck, against the vertical
TRACK_COLUMNS = (
    *("frame", "seconds", "person", "seen", "x0", "y0", "x1", "y1", "box_score"),
    *(f"{name}_{what}" for name in JOINT_NAMES for what in ("x", "y", "score")),
)
ANGLE_COLUMNS = ("frame", "seconds", "person", "seen", *ANGLES, TRUNK)


def joint_angles(xy: NDArray, present: NDArray[np.bool_]) -> dict[str, float]:
    """The angles of a pose as they appear in the picture.

    Parameters
    ----------
    xy : (14, 2), px
    present : (14,) bool

    Returns
    -------
    dict of str to float
        Degrees in [0, 180] by the names of `ANGLES`: 180 is a stretched elbow or knee. `TRUNK` is 0 for somebody
        upright and 180 head down. NaN where a joint is absent.
    """
    angles = {
        name: _between(xy[start] - xy[at], xy[end] - xy[at]) if present[[start, at, end]].all() else np.nan
        for name, (start, at, end) in ANGLES.items()
    }
    trunk = [Joint.NECK, Joint.LEFT_HIP, Joint.RIGHT_HIP]
    up = xy[Joint.NECK] - (xy[Joint.LEFT_HIP] + xy[Joint.RIGHT_HIP]) / 2
    angles[TRUNK] = _between(up, np.array([0.0, -1.0])) if present[trunk].all() else np.nan
    return angles


def write_tracks(path: Path, tracks: Sequence[SmoothTrack], seconds: NDArray) -> None:
    """Write a CSV table with a row for every frame and person, columns `TRACK_COLUMNS`; absent joints are empty.

    Parameters
    ----------
    path : Path
    tracks : sequence of SmoothTrack
    seconds : (F,)
        The times of all frames.
    """
    rows = []
    for head, track, row in _rows(tracks, seconds):
        person = track.person(row)
        if person is None:
            continue
        cells = [*head, *(f"{value:.2f}" for value in person.box), f"{person.box_score:.4f}"]
        for (x, y), score in zip(track.xy[row], track.scores[row], strict=True):
            cells += [f"{x:.2f}", f"{y:.2f}", f"{score:.4f}"] if score > 0 else ["", "", ""]
        rows.append(cells)
    _write(path, TRACK_COLUMNS, rows)


def write_angles(path: Path, tracks: Sequence[SmoothTrack], seconds: NDArray) -> None:
    """Write a CSV table of `joint_angles`, columns `ANGLE_COLUMNS`, degrees; see `write_tracks`."""
    rows = []
    for head, track, row in _rows(tracks, seconds):
        angles = joint_angles(track.xy[row], track.scores[row] > 0)
        rows.append([*head, *("" if np.isnan(value) else f"{value:.1f}" for value in angles.values())])
    _write(path, ANGLE_COLUMNS, rows)


def _rows(tracks: Sequence[SmoothTrack], seconds: NDArray) -> Iterable[tuple[list[str], SmoothTrack, int]]:
    """The first cells of every row, its track and the row there, in order of frames, then of people."""
    order = sorted((int(frame), t.number, row, t) for t in tracks for row, frame in enumerate(t.frames))
    for frame, number, row, track in order:
        yield [str(frame), f"{seconds[frame]:.4f}", str(number), str(int(track.seen[row]))], track, row


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def _between(first: NDArray, second: NDArray) -> float:
    """The angle between two directions (2,), degrees; NaN if one has no length."""
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    if lengths == 0:
        return float("nan")
    return float(np.degrees(np.arccos(np.clip(first @ second / lengths, -1, 1))))

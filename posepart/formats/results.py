"""The records of a folder that `posepart predict` wrote, one photo at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepart.formats.records import LabelSet, PersonRecord, PhotoRecord, cut_out, joint_rows
from posepart.io.files import read_json
from posepart.io.predictions import PREDICTIONS
from posepart.io.result_names import RUN
from posepart.io.results import SUFFIXES, read_record, read_result
from posepart.io.stores import Folder
from posepart.structures import Scene

_VISIBLE = 2


def read_results(out: Path, image_ids: Mapping[str, int | str] | None = None) -> LabelSet:
    """Read a result folder; each photo is read when its turn comes.

    Parameters
    ----------
    out : Path
    image_ids : mapping, optional
        Ids of a data set by the file name of the photo, without folders; by default those of the run.

    Raises
    ------
    ValueError
        There is no such folder, or no result in it.
    """
    if not out.is_dir():
        raise ValueError(f"{out}: no such folder; name one that posepart predict wrote")
    run, own_ids = _run(out)
    files = [
        path
        for path in (out / name for name in Folder(out).names() if name.endswith(".json"))
        if path.name not in (PREDICTIONS, RUN) and path.with_name(path.stem + SUFFIXES[0]).exists()
    ]
    if not files:
        raise ValueError(f"{out}: holds no results; name a folder that posepart predict wrote")
    records = {path: read_record(path) for path in files}
    kept = [path for path, record in records.items() if run in ("", record.get("run"))]
    notes = []
    if len(kept) < len(files):
        notes.append(
            f"{len(files) - len(kept)} of {len(files)} results in {out} were made with other settings: left out"
        )
    names = {path: path.relative_to(out).with_suffix("").as_posix() for path in kept}
    ids: dict[Path, int | str] = {path: own_ids[name] for path, name in names.items() if name in own_ids}
    if image_ids is not None:
        known = {path: records[path]["photo"]["file_name"] for path in kept}
        ids = {path: image_ids[name] for path, name in known.items() if name in image_ids}
        if strangers := len(kept) - len(ids):
            notes.append(f"{strangers} of {len(kept)} photos have no id in the data set: left out")
            kept = [path for path in kept if path in ids]
    kept.sort(key=lambda path: (str(type(ids.get(path))), ids.get(path, 0), path.name))
    return LabelSet(_Results(tuple((path, ids.get(path)) for path in kept)), notes=tuple(notes))


def _run(out: Path) -> tuple[str, dict[str, int]]:
    """The digest of the settings and the image ids in `run.json`; nothing where it is missing or damaged."""
    try:
        stored = read_json(out / RUN)
    except (OSError, ValueError):
        return "", {}
    ids = stored.get("image_ids") if isinstance(stored, dict) else None
    whole = {k: v for k, v in ids.items() if type(v) is int} if isinstance(ids, dict) else {}
    return str(stored.get("run", "")) if isinstance(stored, dict) else "", whole


@dataclass(frozen=True)
class _Results:
    files: tuple[tuple[Path, int | str | None], ...]  # and the id of each

    def __iter__(self) -> Iterator[PhotoRecord]:
        for path, image_id in self.files:
            name = read_record(path)["photo"]["file_name"]
            yield photo_of_scene(read_result(path), name, image_id)

    def __len__(self) -> int:
        return len(self.files)


def photo_of_scene(scene: Scene, name: str, image_id: int | str | None = None) -> PhotoRecord:
    """The record of a photo from its result.

    The score of a person is the probability that the pose is right where the model is calibrated, else the
    detector's; joints that were found count as visible.
    """
    people = []
    for index, person in enumerate(scene.people):
        pose, confidence = person.pose, person.confidence
        visibility = np.where(pose.present, _VISIBLE, 0)
        people.append(
            PersonRecord(
                box=person.box.astype(np.float64),
                joints=joint_rows(
                    pose.xy.astype(np.float64), visibility, pose.joint_scores.astype(np.float64)
                ),
                score=float(person.box_score if confidence is None else confidence),
                rank=float(pose.log_score) if np.isfinite(pose.log_score) else None,
                cutout=cut_out(scene.person_parts(index)),
            )
        )
    nobody = cut_out(np.where(scene.person_map == 0, scene.part_map, np.uint8(0)))
    return PhotoRecord(name, *scene.size, tuple(people), image_id, nobody)

"""Results on disk: JSON and indexed PNG files, written atomically and read back.

For a photo called NAME the folder receives, in this order,

- `NAME_parts.png`: the part of every pixel, 8-bit indexed with the PASCAL VOC palette, as large as the photo;
- `NAME_people.png`: the person of every pixel, likewise, 0 = nobody;
- `NAME_overlay.png` or `NAME_overlay.jpg`, if wanted: the result drawn on the photo (see `posepart.draw`);
- `NAME.json`: the people. It is written last, so a photo that has one is complete.

Coordinates are pixels of the upright photo, rounded to 1/100, scores and energies to 1e-6: equal results are
equal bytes. An infinite number (the bound of a search that proved nothing) is null.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from posepart.io.files import Record, json_lines, parse_json
from posepart.io.label_maps import label_map_writer, read_ids
from posepart.io.result_check import problem_of
from posepart.io.stores import Folder, Store
from posepart.schema import JOINT_NAMES, NUM_JOINTS, NUM_PARTS, PART_NAMES, voc_palette
from posepart.structures import Certificate, Person, Pose, Scene

SUFFIXES = ("_parts.png", "_people.png", ".json")
OVERLAYS = {"png": "_overlay.png", "jpg": "_overlay.jpg"}  # suffixes of the forms that an overlay may have

_COORDINATE_DIGITS = 2
_SCORE_DIGITS = 6
_SMALLEST_SCORE = 10.0**-_SCORE_DIGITS  # a joint that is present stays so after rounding
_JPEG_QUALITY = 90
_PNG = [  # half the time of the fastest that Pillow does, for a third more bytes: most of its time goes into filters
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_SUB),
]


@dataclass(frozen=True)
class PhotoInfo:
    """A photo and the name of its results."""

    name: str  # the NAME of its result files
    file_name: str  # of the photo, without folders
    width: int  # px, of the upright photo
    height: int  # px, of the upright photo
    sha256: str = ""  # of the photo file, to tell photos of one name apart; empty if unknown


def write_result(
    scene: Scene,
    photo: PhotoInfo,
    out_dir: str | Path,
    *,
    overlay: NDArray[np.uint8] | None = None,
    overlay_format: str = "png",
    run: str = "",
    deterministic: bool = False,
) -> Path:
    """Write all files of one photo.

    Parameters
    ----------
    scene : Scene
    photo : PhotoInfo
    out_dir : str or Path
        An existing folder.
    overlay : (h, w, 3) uint8 RGB, optional
        The result drawn on the photo; without it, that of an earlier run is removed.
    overlay_format : {"png", "jpg"}
    run : str
        Digest of the settings that made the result (see `run_folder.prepare_out`).
    deterministic : bool
        Write 0 for every wall time; these are the only numbers that differ between two equal runs.

    Returns
    -------
    Path
        The JSON file.

    Raises
    ------
    ValueError
        The scene is not of the photo's size.
    """
    record = scene_to_record(scene, photo, run=run, deterministic=deterministic)
    drawn = None if overlay is None else (overlay, overlay_format)
    put_result(scene, record, photo.name, Folder(Path(out_dir)), drawn)
    return Path(out_dir) / f"{photo.name}.json"


def put_result(
    scene: Scene, record: Record, name: str, store: Store, drawn: tuple[NDArray[np.uint8], str] | None
) -> None:
    """Write all files of one photo, NAME.json last.

    Parameters
    ----------
    scene : Scene
    record : dict
        From `scene_to_record`.
    name : str
    store : Store
    drawn : ((h, w, 3) uint8 RGB, {"png", "jpg"}) or None
        The overlay and its form; without it, that of an earlier run is removed.

    Raises
    ------
    ValueError
        The scene is not of the photo's size.
    """
    size = record["photo"]["width"], record["photo"]["height"]
    if scene.size != size:
        raise ValueError(
            f"{record['photo']['file_name']}: expected a result of {size[0]} x {size[1]} px, got {scene.size}"
        )
    store.put(f"{name}_parts.png", label_map_writer(scene.part_map, voc_palette()))
    store.put(f"{name}_people.png", label_map_writer(scene.person_map, voc_palette()))
    for form, suffix in OVERLAYS.items():
        if drawn is not None and form == drawn[1]:
            store.put(f"{name}{suffix}", _encoded(drawn[0], form))
        else:
            store.remove(f"{name}{suffix}")
    content = json_lines(record)
    store.put(f"{name}.json", lambda file: file.write(content))


def read_result(json_path: str | Path) -> Scene:
    """Read back what `write_result` wrote.

    Parameters
    ----------
    json_path : str or Path
        NAME.json; the PNG files beside it are read too.

    Raises
    ------
    ValueError
        One sentence: which file cannot be read or is not a result, and what to do.
    """
    path = Path(json_path)
    record = read_record(path)
    base = path.with_suffix("")
    part_map = read_ids(_beside(base, "_parts.png"))
    person_map = read_ids(_beside(base, "_people.png"))
    try:
        people = tuple(_person_from_record(person) for person in record["people"])
        size = (record["photo"]["height"], record["photo"]["width"])
        model, seconds = record["model"], dict(record.get("seconds", {}))
    except (KeyError, TypeError, ValueError) as error:
        raise _no_result(path, f"{type(error).__name__}: {error}") from None
    same_size = part_map.shape == person_map.shape == size
    if not same_size or part_map.max(initial=0) >= NUM_PARTS or person_map.max(initial=0) > len(people):
        raise _no_result(path, "its PNG files belong to another photo")
    return Scene(people, part_map, person_map, model, seconds)


def read_record(json_path: Path) -> Record:
    """Read the content of a NAME.json; errors as in `read_result`."""
    try:
        content = json_path.read_bytes()
    except OSError as error:
        raise ValueError(f"{json_path}: cannot be read ({error.strerror}); check the path") from None
    return record_from(content, json_path)


def record_from(content: bytes, path: str | Path) -> Record:
    """The content of a NAME.json that was read from `path`; errors as in `read_result`."""
    try:
        record = parse_json(content)
    except ValueError as error:
        raise _no_result(path, str(error)) from None
    problem = problem_of(record)
    if problem is not None:
        raise _no_result(path, problem)
    return dict(record)


def scene_to_record(scene: Scene, photo: PhotoInfo, *, run: str = "", deterministic: bool = False) -> Record:
    """The content of NAME.json."""
    seconds = {stage: 0.0 if deterministic else round(value, 4) for stage, value in scene.seconds.items()}
    return {
        "photo": {
            "file_name": photo.file_name,
            "width": photo.width,
            "height": photo.height,
            "sha256": photo.sha256,
        },
        "model": scene.model,
        "run": run,
        "seconds": seconds,
        "schema": {
            "joints": list(JOINT_NAMES),
            "parts": list(PART_NAMES),
            "palette": voc_palette()[:NUM_PARTS].tolist(),
        },
        "people": [
            _person_to_record(number, person, deterministic)
            for number, person in enumerate(scene.people, start=1)
        ],
    }


def _encoded(picture: NDArray[np.uint8], form: str) -> Callable[[BinaryIO], object]:
    """A writer of an (h, w, 3) RGB picture, for `write_atomically`."""
    settings = _PNG if form == "png" else [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    _, content = cv2.imencode(f".{form}", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), settings)
    return lambda file: file.write(content.data)


def _beside(base: Path, suffix: str) -> Path:
    return base.with_name(base.name + suffix)


def _no_result(path: str | Path, reason: str) -> ValueError:
    return ValueError(f"{path}: not a result of posepart predict ({reason}); run it again with --overwrite")


def _person_to_record(number: int, person: Person, deterministic: bool) -> Record:
    x0, y0, x1, y1 = (float(value) for value in person.box)
    certificate = person.certificate
    return {
        "id": number,
        "bbox": [round(value, _COORDINATE_DIGITS) for value in (x0, y0, x1 - x0, y1 - y0)],
        "score": _rounded(person.pose.log_score),
        **({} if person.confidence is None else {"confidence": _rounded(person.confidence)}),
        "box_score": _rounded(person.box_score),
        "keypoints": [
            [
                round(float(x), _COORDINATE_DIGITS),
                round(float(y), _COORDINATE_DIGITS),
                _joint_score(float(score)),
            ]
            for (x, y), score in zip(person.pose.xy, person.pose.joint_scores, strict=True)
        ],
        "certificate": {
            "energy": _rounded(certificate.energy),
            "bound": _rounded(certificate.bound),
            "gap": _rounded(certificate.gap),
            "status": certificate.status,
            "seconds": 0.0 if deterministic else round(certificate.seconds, 4),
        },
    }


def _joint_score(score: float) -> float:
    return max(_SMALLEST_SCORE, round(score, _SCORE_DIGITS)) if score > 0 else 0.0


def _rounded(value: float) -> float | None:
    return round(float(value), _SCORE_DIGITS) if math.isfinite(value) else None


def _person_from_record(record: Record) -> Person:
    keypoints = np.array(record["keypoints"], dtype=np.float32).reshape(NUM_JOINTS, 3)
    x, y, width, height = record["bbox"]
    stored = record["certificate"]
    bound, gap = stored["bound"], stored["gap"]
    return Person(
        pose=Pose(keypoints[:, :2].copy(), keypoints[:, 2].copy(), _or_infinite(record["score"], -math.inf)),
        box=np.array([x, y, x + width, y + height], dtype=np.float32),
        box_score=record["box_score"],
        confidence=record.get("confidence"),
        certificate=Certificate(
            energy=_or_infinite(stored["energy"], math.inf),
            bound=_or_infinite(bound, -math.inf),
            gap=_or_infinite(gap, math.inf),
            status=stored["status"],
            seconds=stored["seconds"],
        ),
    )


def _or_infinite(value: float | None, infinite: float) -> float:
    return infinite if value is None else value

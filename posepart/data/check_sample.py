"""What is wrong with one labelled photo: its files, its boxes, its joints."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepart.arrays import Ids, Index
from posepart.data.sample import Sample
from posepart.io.label_maps import read_ids
from posepart.io.photos import open_photo, photo_size
from posepart.schema import IGNORE

TOLERANCE = 1.0  # px that boxes and joints may lie outside the photo: rounding, and pixels counted from 1
_NO_PIXELS = np.zeros(256, np.int64)


@dataclass(frozen=True)
class Finding:
    """Something to mend."""

    kind: str  # what findings have in common
    sentence: str  # what is wrong, where, and how to mend it


@dataclass(frozen=True)
class SampleFindings:
    """What the check of a sample brought up."""

    findings: tuple[Finding, ...]
    pixels: Index  # (256,), how many pixels of the part map have each id


def check_sample(sample: Sample, decode: bool = False) -> SampleFindings:
    """Check the photo, label maps, boxes and joints of a sample.

    Parameters
    ----------
    sample : Sample
    decode : bool
        Decode the whole photo; otherwise only the headers, and the ends of JPEG and PNG files, are read.
    """
    findings = [*_photo_findings(sample, decode), *_box_findings(sample), *_joint_findings(sample)]
    pixels = _NO_PIXELS
    if sample.part_path is not None:
        parts, found = _read_map(sample, sample.part_path)
        findings += found
        if parts is not None:
            pixels = np.bincount(parts.ravel(), minlength=256)
            findings += _unknown_ids(sample.part_path, pixels, len(sample.schema.labels))
    if sample.instance_path is not None:
        instances, found = _read_map(sample, sample.instance_path)
        findings += found
        if instances is not None:
            findings += _instance_findings(sample, sample.instance_path, instances)
    return SampleFindings(tuple(findings), pixels)


def _photo_findings(sample: Sample, decode: bool) -> Iterator[Finding]:
    path = sample.image_path
    if not path.exists():
        yield Finding("missing file", f"{path}: no such photo; copy it there, or delete it from the labels")
        return
    try:
        if decode:
            height, width = open_photo(path).image.shape[:2]
        else:
            width, height = photo_size(path, whole=True)
    except ValueError as error:
        yield Finding("unreadable photo", str(error))
        return
    if (width, height) != (sample.width, sample.height):
        yield Finding("size mismatch", sample.size_sentence(path, (width, height)))


def _read_map(sample: Sample, path: Path) -> tuple[Ids | None, list[Finding]]:
    try:
        ids = read_ids(path)
    except Exception as error:  # damaged headers make Pillow's readers raise almost anything
        text = str(error) if str(path) in str(error) else f"{path}: {error}"
        return None, [Finding("unreadable map", text)]
    height, width = ids.shape
    if (width, height) == (sample.width, sample.height):
        return ids, []
    return ids, [Finding("size mismatch", sample.size_sentence(path, (width, height)))]


def _unknown_ids(path: Path, pixels: Index, labels: int) -> Iterator[Finding]:
    unknown = [int(i) for i in np.flatnonzero(pixels) if labels <= i != IGNORE]
    if unknown:
        yield Finding(
            "unknown part",
            f"{path}: {int(pixels[unknown].sum())} pixels have the unknown part ids "
            f"{', '.join(map(str, unknown[:8]))}; change them to 0..{labels - 1} or {IGNORE} (ignore)",
        )


def _instance_findings(sample: Sample, path: Path, instances: Ids) -> Iterator[Finding]:
    values = [person.instance for person in sample.people if person.instance > 0]
    lost = sorted({*values} - {*np.unique(instances).tolist()})
    if lost:
        yield Finding(
            "person without pixels",
            f"{path}: no pixel has the instance value {', '.join(map(str, lost))} of a person; correct the value "
            "in the labels (0: no mask)",
        )
    shared = [value for value, count in Counter(values).items() if count > 1]
    if shared:
        yield Finding(
            "shared instance value",
            f"{path}: several people have the instance value {', '.join(map(str, shared))}; give each its own",
        )


def _box_findings(sample: Sample) -> Iterator[Finding]:
    size = np.array([sample.width, sample.height, sample.width, sample.height])
    boxes = [(f"person {number}", person.box) for number, person in enumerate(sample.people, start=1)]
    boxes += [(f"ignore region {number}", box) for number, box in enumerate(sample.ignore_boxes, start=1)]
    wrong: dict[str, list[str]] = {"empty box": [], "box outside": []}
    for name, box in boxes:
        text = f"{name} [{', '.join(f'{value:g}' for value in box)}]"
        if not np.isfinite(box).all() or not (box[2:] - box[:2] >= 1).all():
            wrong["empty box"].append(text)
        elif (box < -TOLERANCE).any() or (box > size + TOLERANCE).any():
            wrong["box outside"].append(text)
    mends = {
        "empty box": "the box is under a pixel, or not a number; correct or delete it",
        "box outside": f"the box leaves the photo of {sample.width} x {sample.height} px; cut it at the border",
    }
    for kind, texts in wrong.items():
        if texts:
            yield Finding(kind, f"{sample.image_path}: {_some(texts)}: {mends[kind]}")


def _joint_findings(sample: Sample) -> Iterator[Finding]:
    outside = []
    limits = np.array([sample.width - 1, sample.height - 1]) + TOLERANCE
    for number, person in enumerate(sample.people, start=1):
        if person.joints is None:
            continue
        xy, labelled = person.joints[:, :2], person.joints[:, 2] > 0
        # False where a number is not finite
        inside = np.asarray(((xy >= -TOLERANCE) & (xy <= limits)).all(axis=1))
        outside += [
            f"{name} of person {number} at ({xy[joint, 0]:g}, {xy[joint, 1]:g})"
            for joint, name in enumerate(sample.schema.joints)
            if labelled[joint] and not inside[joint]
        ]
    if outside:
        yield Finding(
            "joint outside",
            f"{sample.image_path}: {_some(outside)}: not in the photo of {sample.width} x {sample.height} px; "
            "correct the coordinates, or set the visibility to 0",
        )


def _some(texts: list[str], shown: int = 3) -> str:
    return ", ".join(texts[:shown]) + (f" and {len(texts) - shown} more" if len(texts) > shown else "")

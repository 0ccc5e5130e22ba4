"""Tables 1 to 12 of Liang et al. and what their figures count: from measured systems and data sets to the report."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from posepart.arrays import Ids, Rgb
from posepart.data.lip import LipPicture, read_lip
from posepart.data.lip_files import read_pose_submission
from posepart.data.readers import read_samples, splits_of
from posepart.io.label_maps import read_label_map
from posepart.io.photos import read_photo
from posepart.metrics.tables import Row, Table
from posepart.models.jppnet.structure_loss import region_centres
from posepart.report.page import Picture
from posepart.report.paper_tables import Bootstrap, Numbers
from posepart.reproduction.comparison import NUMBERS, Comparison, Measured, read_numbers
from posepart.reproduction.panels import chosen_photos, write_panel
from posepart.reproduction.picture_numbers import PARSING, POSE, TEST_TABLES, PictureSet, pictures_by_factor
from posepart.reproduction.printed_tables import read_printed
from posepart.reproduction.systems import JOINTS, JPPNET, LIP_FIRST, ON_PHOTOS, System
from posepart.reproduction.systems import PARSING as PARSES
from posepart.reproduction.tasks import Tasks
from posepart.schema.lip import LIP_LABEL_NAMES, LIP_PALETTE, LIP_REGIONS, NUM_LIP_LABELS, LipJoint, LipLabel

NOT_SECRET = "Printed for the test set, whose labels are secret; ours are of the val split."
DERIVED = "Factors are derived from the joints, as LIP's lists are not published; back views cannot be."
_NOTHING = Bootstrap(replicates=0)
_LIMBS = (
    ("HEAD_TOP", "NECK"), ("NECK", "SPINE"), ("SPINE", "PELVIS"),
    ("NECK", "LEFT_SHOULDER"), ("LEFT_SHOULDER", "LEFT_ELBOW"), ("LEFT_ELBOW", "LEFT_WRIST"),
    ("NECK", "RIGHT_SHOULDER"), ("RIGHT_SHOULDER", "RIGHT_ELBOW"), ("RIGHT_ELBOW", "RIGHT_WRIST"),
    ("PELVIS", "LEFT_HIP"), ("LEFT_HIP", "LEFT_KNEE"), ("LEFT_KNEE", "LEFT_ANKLE"),
    ("PELVIS", "RIGHT_HIP"), ("RIGHT_HIP", "RIGHT_KNEE"), ("RIGHT_KNEE", "RIGHT_ANKLE"),
)  # fmt: skip
_SIDES = {"LEFT": (255, 149, 0), "RIGHT": (10, 132, 255)}
_CENTRE = (250, 250, 250)
_OPACITY = 0.6


def comparisons(systems: Sequence[System], tasks: Tasks, pictures: PictureSet) -> list[Comparison]:
    """The tables of the systems whose numbers were measured, and those that describe data sets."""
    measured = {
        system.key: read_numbers(tasks.folder_of(f"numbers/{system.key}") / NUMBERS) for system in systems
    }
    counted = {"table_1": _data_sets(pictures.folders), "figure_4": _factors(pictures)}
    tables = []
    for key, printed in read_printed("lip").items():
        rows = counted.get(key) or {
            system.rows[key]: measured[system.key][key]
            for system in systems
            if key in system.rows and key in measured[system.key]
        }
        if rows:
            note = "" if key in counted else f"{max(one.photos for one in rows.values())} pictures."
            note = f"{note} {NOT_SECRET if key in TEST_TABLES else ''}".strip()
            if key.startswith("figure") and pictures.factor_lists is None:
                note = f"{note} {DERIVED}".strip()
            first = LIP_FIRST.get(key, "")
            tables.append(Comparison(printed, rows, first, note, pictures.bootstrap.confidence))
    return tables


def _counted(values: Sequence[float]) -> Measured:
    return Measured.of(Numbers(lambda weights: values, 0), _NOTHING)


def _data_sets(folders: Mapping[str, Path]) -> dict[str, Measured]:
    """Table 1: what was read of each data set."""
    names = {"lip": "LIP", "pascal": "PASCAL-Person-Part", "atr": "ATR", "mpii": "MPII"}
    kinds = {"lip": (20, 16), "pascal": (7, 14), "atr": (18, float("nan")), "mpii": (float("nan"), 16)}
    rows = {}
    for data, folder in folders.items():
        counts = {split: _count(folder, split) for split in splits_of(folder)}
        if data == "lip":
            counts["test"] = _count(folder, "test")
        if data == "pascal":  # its val split is the test set of the papers
            counts["test"] = counts.pop("val", float("nan"))
        three = [counts.get(split, float("nan")) for split in ("train", "val", "test")]
        rows[names[data]] = _counted([float(np.nansum(three)), *three, *kinds[data]])
    return rows


def _count(folder: Path, split: str) -> float:
    try:
        return float(len(read_lip(folder, split) if split == "test" else read_samples(folder, split)))
    except ValueError:
        return float("nan")


def _factors(pictures: PictureSet) -> dict[str, Measured]:
    return {"LIP validation": _counted(pictures_by_factor(pictures))}


def label_table(pictures: PictureSet) -> Table:
    """Figure 3: how many pictures of each split show each of the 19 labels."""
    rows = []
    for split in ("train", "val"):
        counts = np.zeros(NUM_LIP_LABELS, np.int64)
        for picture in read_lip(pictures.folders["lip"], split):
            labels = picture.read_labels()
            if labels is not None:
                counts += np.bincount(np.unique(labels[labels < NUM_LIP_LABELS]), minlength=NUM_LIP_LABELS)
        rows.append(Row(split, tuple(f"{count:,}" for count in counts[1:])))
    title, note = (
        "Figure 3: pictures that show each label",
        "Sec. 3.3; the paper prints a chart without numbers.",
    )
    return Table("figure_3", title, note, tuple(LIP_LABEL_NAMES[1:]), tuple(rows), head="Split")


def write_panels(
    out: Path, systems: Sequence[System], tasks: Tasks, pictures: PictureSet, count: int
) -> list[Picture]:
    """Write Figures 6, 8 and 11 of some pictures, with the systems that were run; arguments as in `xia2017`."""
    (out / "panels").mkdir(exist_ok=True)
    shown = []
    on_pictures = [s for s in systems if ON_PHOTOS not in s.rows and len(s.rows) > 2]
    for name, (what, folder, kinds, draw) in _FIGURES.items():
        chosen = [system for system in on_pictures if system.kind in kinds]
        rows = _rows(chosen, tasks, pictures, count, folder, draw)
        if rows:
            file = f"panels/{name.lower().replace(' ', '_')}.jpg"
            write_panel(out / file, rows)
            caption = f"Results on {len(rows)} pictures spread over the val split."
            shown.append(Picture(f"{name}: {what}", caption, file))
    return shown


def _rows(
    systems: Sequence[System],
    tasks: Tasks,
    pictures: PictureSet,
    count: int,
    folder: str,
    draw: Callable[[Rgb, Any], Rgb],
) -> list[dict[str, Rgb]]:
    """The rows of a figure: a picture, what each system submitted for it in `folder`, and the labels, drawn."""
    split = pictures.splits["lip"]
    listed = read_lip(pictures.folders["lip"], split)
    found = {next(iter(s.rows.values())): tasks.folder_of(f"submission/{s.key}_lip_{split}") for s in systems}
    found = {name: own / folder for name, own in found.items() if (own / folder).exists()}
    rows = []
    for picture in [listed[place] for place in chosen_photos(count, len(listed)) if found]:
        image = read_photo(picture.image_path)
        row = {"Image": image, **{name: draw(image, _submitted(own, picture)) for name, own in found.items()}}
        if (truth := _labelled(picture, folder)) is not None:
            row["Ground-truth"] = draw(image, truth)
        rows.append(row)
    return rows


def _submitted(path: Path, picture: LipPicture) -> Any:
    """Labels (H, W) of a folder of parsing results, or joints (16, 2) of a file of pose results."""
    if path.name == PARSING:
        return read_label_map(path / f"{Path(picture.name).stem}.png", NUM_LIP_LABELS)
    return read_pose_submission(path)[picture.name]


def _labelled(picture: LipPicture, folder: str) -> Any:
    """As `_submitted`, of the labels; None without any."""
    if folder == PARSING:
        return picture.read_labels()
    joints = picture.joints
    return None if joints is None else np.where(joints[:, 2:] > 0, joints[:, :2], np.nan)


def draw_labels(image: Rgb, labels: Ids) -> Rgb:
    """LIP's labels (H, W) in its colours over their picture."""
    colours = LIP_PALETTE[np.minimum(labels, NUM_LIP_LABELS - 1)]
    tinted = cv2.addWeighted(image, 1 - _OPACITY, colours, _OPACITY, 0)
    known = ((labels != LipLabel.BACKGROUND) & (labels < NUM_LIP_LABELS))[..., None]
    return np.where(known, tinted, image).astype(np.uint8)


def draw_joints(image: Rgb, xy: np.ndarray) -> Rgb:
    """LIP's joints (16, 2) as a skeleton on their picture; nan for a joint that is not there."""
    canvas, width = image.copy(), max(1, round(max(image.shape[:2]) / 100))
    for names in _LIMBS:
        ends = [xy[LipJoint[name]] for name in names]
        if np.isfinite(ends).all():
            colour = _SIDES.get(names[1].partition("_")[0], _CENTRE)
            start, end = (tuple(int(v) for v in np.rint(point)) for point in ends)
            cv2.line(canvas, start, end, colour, width, cv2.LINE_AA)
    return canvas


def draw_region_joints(image: Rgb, labels: Ids) -> Rgb:
    """The joints that SS-JPPNet takes from a parsing result (Sec. 5.3), centres of nine regions, on its labels."""
    canvas, radius = draw_labels(image, labels), max(2, round(max(image.shape[:2]) / 60))
    regions = list(LIP_REGIONS.values())
    centres, present = region_centres(torch.from_numpy(labels[None].astype(np.int64)), regions)
    for name, (x, y), there in zip(LIP_REGIONS, centres[0].tolist(), present[0].tolist(), strict=True):
        if there:
            colour = _SIDES.get(name.partition("_")[0].upper(), _CENTRE)
            cv2.circle(canvas, (round(x), round(y)), radius, colour, -1, cv2.LINE_AA)
            cv2.circle(canvas, (round(x), round(y)), radius, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas


# What a figure shows, of which kinds of systems, and from which of their submissions.
_FIGURES = {
    "Figure 6": ("parsing", PARSING, (PARSES, JPPNET), draw_labels),
    "Figure 8": ("pose", POSE, (JOINTS, JPPNET), draw_joints),
    "Figure 11": ("joints generated from parsing results", PARSING, (PARSES, JPPNET), draw_region_joints),
}

"""PASCAL VOC: indexed PNGs of parts and of people as large as the photo, and boxes in XML; no joints.

`SegmentationClass/NAME.png` has the part of every pixel, `SegmentationObject/NAME.png` the person, both with VOC's
palette, 255 to ignore; `labelmap.txt` names the parts and their colours, as CVAT and datumaro write it.
"""

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from posepart.formats.coco import rounded
from posepart.formats.reading import files_in, number_of, xml_of
from posepart.formats.records import LabelSet, PersonRecord, PhotoRecord, box_around, cut_out
from posepart.io.files import read_text, write_text
from posepart.io.label_maps import read_ids, write_label_map
from posepart.schema import IGNORE, voc_palette
from posepart.schema.skeletons import Skeleton

_CLASS, _OBJECT, _BOXES, _LIST = (
    "SegmentationClass",
    "SegmentationObject",
    "Annotations",
    "ImageSets/Segmentation",
)


def write(labels: LabelSet, path: Path) -> None:
    """Write the folder."""
    palette, stems = voc_palette(), []
    for photo in labels.photos:
        write_label_map(path / _CLASS / f"{photo.stem}.png", photo.part_map(), palette)
        write_label_map(path / _OBJECT / f"{photo.stem}.png", photo.person_map(), palette)
        file = path / _BOXES / f"{photo.stem}.xml"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, _boxes(photo))
        stems.append(photo.stem)
    (path / _LIST).mkdir(parents=True)
    write_text(path / _LIST / "default.txt", "".join(f"{stem}\n" for stem in stems))
    colours = (f"{name}:{','.join(map(str, palette[part]))}::" for part, name in enumerate(labels.parts))
    write_text(
        path / "labelmap.txt", "# label:color_rgb:parts:actions\n" + "".join(f"{c}\n" for c in colours)
    )


def _boxes(photo: PhotoRecord) -> str:
    root = Element("annotation")
    SubElement(root, "filename").text = photo.name
    size = SubElement(root, "size")
    for key, value in {"width": photo.width, "height": photo.height, "depth": 3}.items():
        SubElement(size, key).text = str(value)
    SubElement(root, "segmented").text = "1"
    for person in photo.people:
        entry = SubElement(root, "object")
        SubElement(entry, "name").text = "person"
        SubElement(entry, "difficult").text = str(int(person.is_region))
        box = SubElement(entry, "bndbox")
        for key, edge in zip(("xmin", "ymin", "xmax", "ymax"), rounded(person.box), strict=True):
            SubElement(box, key).text = str(edge)
    ElementTree.indent(root)
    return ElementTree.tostring(root, "unicode") + "\n"


def read(path: Path, images: Path | None = None) -> LabelSet:
    """Read the folder; the folder of photos is not needed.

    Raises
    ------
    ValueError
        A file is missing or broken, or its two maps have different sizes.
    """
    parts = _part_names(path / "labelmap.txt")
    root = path / _CLASS
    stems = (file.relative_to(root).with_suffix("").as_posix() for file in files_in(root, "*.png"))
    photos = tuple(_photo(path, stem, len(parts)) for stem in stems)
    return LabelSet(photos, Skeleton(path.name, ()), parts)


def _part_names(file: Path) -> tuple[str, ...]:
    try:
        lines = read_text(file).splitlines()
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: cannot be read ({error}); it names the parts, one a line") from None
    names = tuple(line.partition(":")[0] for line in lines if line.strip() and not line.startswith("#"))
    if not names or len(names) > IGNORE:
        raise ValueError(
            f"{file}: expected the names of 1 to {IGNORE} parts, background first, got {len(names)}"
        )
    return names


def _photo(path: Path, stem: str, parts: int) -> PhotoRecord:
    ids = read_ids(path / _CLASS / f"{stem}.png")
    people_ids = read_ids(path / _OBJECT / f"{stem}.png")
    if ids.shape != people_ids.shape:
        raise ValueError(f"{path}: {stem}.png has another size in {_OBJECT} than in {_CLASS}")
    if (unknown := ids[(ids >= parts) & (ids != IGNORE)]).size:
        raise ValueError(
            f"{path / _CLASS / stem}.png: has the part {unknown[0]}, which labelmap.txt does not name"
        )
    file = path / _BOXES / f"{stem}.xml"
    name, boxes, difficult = _read_boxes(file) if file.exists() else (f"{stem}.jpg", [], [])
    count = int(people_ids[people_ids != IGNORE].max(initial=0))
    people = []
    for number in range(1, max(count, len(boxes)) + 1):
        shown = np.where(ids == 0, np.uint8(IGNORE), ids)  # pixels of the person of no part
        cutout = cut_out(np.where(people_ids == number, shown, np.uint8(0)))
        known = number <= len(boxes)
        if known or cutout is not None:
            box = np.array(boxes[number - 1]) if known else box_around(np.zeros((0, 4)), cutout)
            region = known and difficult[number - 1]
            people.append(PersonRecord(box, np.zeros((0, 4)), cutout=cutout, is_region=region))
    nobody = cut_out(np.where((people_ids == 0) & (ids != IGNORE), ids, np.uint8(0)))
    return PhotoRecord(name, ids.shape[1], ids.shape[0], tuple(people), None, nobody)


def _read_boxes(file: Path) -> tuple[str, list[list[float]], list[bool]]:
    root = xml_of(file, "annotation")
    boxes, difficult = [], []
    for entry in root.iter("object"):
        try:
            keys = ("xmin", "ymin", "xmax", "ymax")
            boxes.append([number_of(entry.findtext(f"bndbox/{key}"), key) for key in keys])
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None
        difficult.append(entry.findtext("difficult") == "1")
    return root.findtext("filename") or f"{file.stem}.jpg", boxes, difficult

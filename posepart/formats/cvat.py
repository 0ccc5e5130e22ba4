"""CVAT: one XML file, "CVAT for images 1.1", with a skeleton, a box and masks per person, tied by `group_id`.

The skeleton is called `person`, its box `person_box` and pixels of no known part `person_mask`, as a label of CVAT
has one kind of shape. CVAT's COCO dialect is read and written as `coco`.
"""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from posepart.formats.coco import SCORE_DIGITS, rounded
from posepart.formats.polygons import polygon_mask
from posepart.formats.reading import number_of, numbers_of, size_of, xml_of
from posepart.formats.records import Cutout, LabelSet, PersonRecord, PhotoRecord, check_pixels
from posepart.formats.rle import cutout_of, from_run_lengths, run_lengths
from posepart.formats.shapes import PERSON, Joint, PhotoShapes, assemble, part_cutouts
from posepart.io.files import write_text

BOX, _MASK = f"{PERSON}_box", f"{PERSON}_mask"


def write(labels: LabelSet, path: Path) -> None:
    """Write the file."""
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    root.append(_meta(labels))
    for number, photo in enumerate(labels.photos):
        size = {"width": str(photo.width), "height": str(photo.height)}
        image = SubElement(root, "image", {"id": str(number), "name": photo.name} | size)
        for name, cutout in part_cutouts(photo.nobody, labels.parts):
            _add_mask(image, name, cutout, {})
        for group, person in enumerate(photo.people, start=1):
            _add_person(image, photo, person, labels, {"group_id": str(group)})
    ElementTree.indent(root)
    write_text(
        path, '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"
    )


def _meta(labels: LabelSet) -> Element:
    meta = Element("meta")
    listed = SubElement(SubElement(meta, "task"), "labels")
    kinds = [(PERSON, "skeleton", ""), *((joint, "points", PERSON) for joint in labels.skeleton.joints)]
    kinds += [
        (BOX, "rectangle", ""),
        (_MASK, "mask", ""),
        *((part, "mask", "") for part in labels.parts[1:]),
    ]
    for name, kind, parent in kinds:
        label = SubElement(listed, "label")
        SubElement(label, "name").text = name
        SubElement(label, "type").text = kind
        attributes = SubElement(label, "attributes")
        if name == BOX:
            attribute = SubElement(attributes, "attribute")
            for key, value in {"name": "score", "mutable": "False", "input_type": "text"}.items():
                SubElement(attribute, key).text = value
        if parent:
            SubElement(label, "parent").text = parent
    return meta


def _add_person(
    image: Element, photo: PhotoRecord, person: PersonRecord, labels: LabelSet, group: dict[str, str]
) -> None:
    common = {"source": "auto" if person.score is not None else "manual", "occluded": "0"}
    corners = dict(zip(("xtl", "ytl", "xbr", "ybr"), map(str, rounded(person.box)), strict=True))
    box = SubElement(image, "box", {"label": BOX} | common | corners | {"z_order": "0"} | group)
    if person.score is not None:
        SubElement(box, "attribute", {"name": "score"}).text = str(round(person.score, SCORE_DIGITS))
    if person.present.any():
        of_person = {"label": PERSON, "source": common["source"], "z_order": "1"}
        skeleton = SubElement(image, "skeleton", of_person | group)
        for name, (x, y, visibility, _) in zip(labels.skeleton.joints, person.joints, strict=True):
            flags = {"outside": str(int(visibility == 0)), "occluded": str(int(visibility == 1))}
            place = {"points": "{},{}".format(*rounded((x, y)))}
            SubElement(skeleton, "points", {"label": name, "source": common["source"]} | flags | place)
    for name, cutout in part_cutouts(person.cutout, labels.parts):
        _add_mask(image, _MASK if name == PERSON else name, cutout, group)


def _add_mask(image: Element, label: str, cutout: Cutout, group: dict[str, str]) -> None:
    rows, columns = cutout.parts.shape
    window = {"left": cutout.left, "top": cutout.top, "width": columns, "height": rows}
    lengths = ", ".join(map(str, run_lengths(cutout.mask().ravel())))
    place = {key: str(value) for key, value in window.items()}
    attributes = (
        {"label": label, "source": "auto", "occluded": "0", "rle": lengths} | place | {"z_order": "0"}
    )
    SubElement(image, "mask", attributes | group)


def read(path: Path, images: Path | None = None) -> LabelSet:
    """Read the file; the folder of photos is not needed. Skeletons without a group are people of their own.

    Raises
    ------
    ValueError
        It is no such file, or a shape in it is broken.
    """
    photos = []
    for number, image in enumerate(xml_of(path, "annotations").iter("image"), start=1):
        try:
            width, height = size_of(image.get("width"), image.get("height"))
            check_pixels("size", width, height)
            photo = PhotoShapes(str(image.get("name") or ""), width, height)
            if not photo.name:
                raise ValueError("has no name")
            for place, shape in enumerate(image):
                _read_shape(photo, shape, place)
        except ValueError as error:
            raise ValueError(f"{path}: image {number}: {error}") from None
        photos.append(photo)
    return assemble(photos, path.name)


def _read_shape(photo: PhotoShapes, shape: Element, place: int) -> None:
    given = shape.get("group_id")
    group = given if given not in (None, "", "0") else None
    label = str(shape.get("label", ""))
    if shape.tag == "box":
        box = np.array([number_of(shape.get(key), key) for key in ("xtl", "ytl", "xbr", "ybr")])
        text = next((a.text for a in shape.iter("attribute") if a.get("name") == "score"), None)
        photo.boxes.append((group, box, None if not text else number_of(text, "score")))
    elif shape.tag == "skeleton":
        owner = group or f"skeleton {place}"
        for point in shape.iter("points"):
            if point.get("outside") != "1":
                x, y = numbers_of(str(point.get("points")).split(","), 2, "points of a joint")
                visibility = 1 if point.get("occluded") == "1" else 2
                photo.joints.append((owner, Joint(str(point.get("label")), (x, y), visibility)))
    elif shape.tag in ("mask", "polygon"):
        cutout = _read_mask(shape, photo) if shape.tag == "mask" else _read_polygon(shape, photo)
        if cutout is not None:
            photo.masks.append((group, PERSON if label == _MASK else label, cutout))


def _read_mask(shape: Element, photo: PhotoShapes) -> Cutout | None:
    left, top = (int(number_of(shape.get(key), key, 0)) for key in ("left", "top"))
    width, height = size_of(shape.get("width"), shape.get("height"))
    if left + width > photo.width or top + height > photo.height:
        raise ValueError("a mask leaves the photo")
    lengths: Any = [int(number_of(word, "rle", 0)) for word in str(shape.get("rle", "")).split(",")]
    return cutout_of(from_run_lengths(lengths, width * height).reshape(height, width), 1, left, top)


def _read_polygon(shape: Element, photo: PhotoShapes) -> Cutout | None:
    numbers = [
        number_of(word, "points") for word in str(shape.get("points", "")).replace(";", ",").split(",")
    ]
    return cutout_of(polygon_mask([numbers], photo.width, photo.height), 1)

"""Label Studio: `tasks.json` with rectangles, key points and brush masks, and `config.xml` for the project.

Predictions go to `predictions` of a task, labels to `annotations`. The shapes of a person name its rectangle as
their parent. Masks are exact: Label Studio's brush has run lengths of pixels.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from posepart.arrays import Mask
from posepart.formats.coco import SCORE_DIGITS
from posepart.formats.reading import json_of, number_of, size_of
from posepart.formats.records import LabelSet, PersonRecord, PhotoRecord, check_pixels
from posepart.formats.rle import cutout_of, run_lengths
from posepart.formats.shapes import PERSON, Joint, PhotoShapes, assemble, part_cutouts
from posepart.io.files import shown, write_text

TASKS, CONFIG = "tasks.json", "config.xml"
_CHANNELS = 4  # red, green, blue, opacity: the brush is a picture
_LENGTH_BITS = (3, 8, 12, 16)  # of a run; which of them is told in two bits
_WORD = 8  # bits of a value
_POINT_WIDTH = 0.5  # % of the photo, how large a point is drawn


def write(labels: LabelSet, path: Path) -> None:
    """Write the folder."""
    tasks = []
    for number, photo in enumerate(labels.photos, start=1):
        items = list(_items(photo, labels))
        scores = [person.score for person in photo.people if person.score is not None]
        predicted = bool(scores)
        answer: dict[str, Any] = {"result": items}
        answer |= (
            {"model_version": "posepart", "score": round(min(scores), SCORE_DIGITS)} if predicted else {}
        )
        task = {"id": number, "data": {"image": photo.name, "width": photo.width, "height": photo.height}}
        answers = {"annotations": [], "predictions": [answer]} if predicted else {"annotations": [answer]}
        tasks.append(task | answers)
    lines = ",\n".join(json.dumps(task, allow_nan=False) for task in tasks)
    write_text(path / TASKS, f"[\n{lines}\n]\n")
    write_text(path / CONFIG, _config(labels))


def _config(labels: LabelSet) -> str:
    root = Element("View")
    SubElement(root, "Image", {"name": "image", "value": "$image"})
    for kind, name, values in (
        ("RectangleLabels", "box", (PERSON,)),
        ("KeyPointLabels", "joint", labels.skeleton.joints),
        ("BrushLabels", "part", (PERSON, *labels.parts[1:])),
    ):
        control = SubElement(root, kind, {"name": name, "toName": "image"})
        for value in values:
            SubElement(control, "Label", {"value": value})
    ElementTree.indent(root)
    return ElementTree.tostring(root, "unicode") + "\n"


def _items(photo: PhotoRecord, labels: LabelSet) -> Iterator[dict[str, Any]]:
    common: dict[str, Any] = {"to_name": "image", "image_rotation": 0}
    common |= {"original_width": photo.width, "original_height": photo.height}
    for name, cutout in part_cutouts(photo.nobody, labels.parts):
        yield _brush(f"nobody-{name}", name, cutout.paste, photo) | common
    for number, person in enumerate(photo.people, start=1):
        parent = f"person-{number}"
        yield (
            {"id": parent, "type": "rectanglelabels", "from_name": "box"} | common | _rectangle(person, photo)
        )
        for name, (x, y, visibility, score) in zip(labels.skeleton.joints, person.joints, strict=True):
            if visibility:
                place: dict[str, Any] = {
                    "x": 100 * float(x) / photo.width,
                    "y": 100 * float(y) / photo.height,
                }
                item: dict[str, Any] = {
                    "id": f"{parent}-{name}",
                    "type": "keypointlabels",
                    "from_name": "joint",
                    "parentID": parent,
                }
                item |= common | {"value": place | {"width": _POINT_WIDTH, "keypointlabels": [name]}}
                item |= {} if person.score is None else {"score": round(float(score), SCORE_DIGITS)}
                yield item | ({"meta": {"text": ["occluded"]}} if visibility == 1 else {})
        for name, cutout in part_cutouts(person.cutout, labels.parts):
            yield _brush(f"{parent}-part-{name}", name, cutout.paste, photo) | common | {"parentID": parent}


def _rectangle(person: PersonRecord, photo: PhotoRecord) -> dict[str, Any]:
    x, y, width, height = person.xywh
    place = {
        "x": 100 * x / photo.width,
        "y": 100 * y / photo.height,
        "width": 100 * width / photo.width,
        "height": 100 * height / photo.height,
        "rotation": 0,
        "rectanglelabels": [PERSON],
    }
    return {"value": place} | ({} if person.score is None else {"score": round(person.score, SCORE_DIGITS)})


def _brush(name: str, label: str, paste: Any, photo: PhotoRecord) -> dict[str, Any]:
    ids = np.zeros((photo.height, photo.width), np.uint8)
    paste(ids, 1)
    value = {"format": "rle", "rle": brush_of_mask(ids > 0), "brushlabels": [label]}
    return {"id": name, "type": "brushlabels", "from_name": "part", "value": value}


def brush_of_mask(mask: Mask) -> list[int]:
    """The bytes of Label Studio's brush for a (H, W) mask: 0 and 255 in all four channels.

    A head tells how many values there are (32 bits), the bits of a value less 1 (5) and the four lengths of a run's
    length less 1 (4 each); then follow runs: a 1, which of the lengths (2 bits), the run less 1, and the value.
    """
    bits = [f"{mask.size * _CHANNELS:032b}", f"{_WORD - 1:05b}", *(f"{n - 1:04b}" for n in _LENGTH_BITS)]
    for place, length in enumerate(run_lengths(mask.ravel())):
        left = length * _CHANNELS
        while left > 0:
            run = min(left, 1 << _LENGTH_BITS[-1])
            which = next(k for k, n in enumerate(_LENGTH_BITS) if run <= 1 << n)
            bits.append(f"1{which:02b}{run - 1:0{_LENGTH_BITS[which]}b}{255 * (place % 2):0{_WORD}b}")
            left -= run
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8))


def mask_of_brush(rle: object, width: int, height: int) -> Mask:
    """(H, W) bool, where the brush is opaque.

    Raises
    ------
    ValueError
        The bytes are no brush of this size.
    """
    if not isinstance(rle, list) or not all(type(n) is int and 0 <= n < 256 for n in rle):
        raise ValueError("rle is no list of bytes")
    text, place = f"{int.from_bytes(bytes(rle)):0{8 * len(rle)}b}" if rle else "", 0

    def number(count: int) -> int:
        nonlocal place
        place += count
        if place > len(text):
            raise ValueError("rle is cut short")
        return int(text[place - count : place], 2)

    size, word = number(32), number(5) + 1
    lengths = [number(4) + 1 for _ in range(4)]
    if size != width * height * _CHANNELS:
        raise ValueError(f"rle has {size} values, {width} x {height} px have {width * height * _CHANNELS}")
    values, done = np.zeros(size, np.uint8), 0
    while done < size:
        repeated, run = number(1), number(lengths[number(2)]) + 1
        if done + run > size:
            raise ValueError("rle is longer than the photo")
        values[done : done + run] = (
            min(number(word), 255) if repeated else [min(number(word), 255) for _ in range(run)]
        )
        done += run
    opaque: Mask = values.reshape(height, width, _CHANNELS)[:, :, _CHANNELS - 1] > 0
    return opaque


def read(path: Path, images: Path | None = None) -> LabelSet:
    """Read an export ("JSON") of Label Studio, as a file or in the folder that `write` makes.

    Of several annotations of a task the first counts; without any, the first prediction.

    Raises
    ------
    ValueError
        It is none, or something in it is broken.
    """
    file = path / TASKS if path.is_dir() else path
    tasks = json_of(file)
    if not isinstance(tasks, list):
        raise ValueError(f"{file}: expected a list of tasks, as Label Studio exports JSON")
    photos = []
    for number, task in enumerate(tasks, start=1):
        try:
            photos.append(_read_task(task))
        except (AttributeError, KeyError, TypeError, IndexError) as error:
            reason = f"lacks {error}" if isinstance(error, KeyError) else "is no task of Label Studio"
            raise ValueError(f"{file}: task {number}: {reason}") from None
        except ValueError as error:
            raise ValueError(f"{file}: task {number}: {error}") from None
    return assemble(photos, path.name)


def _read_task(task: dict[str, Any]) -> PhotoShapes:
    answers = task.get("annotations") or task.get("predictions") or [{"result": []}]
    items, data = answers[0]["result"], task["data"]
    known = (
        items[0] if items else {"original_width": data.get("width"), "original_height": data.get("height")}
    )
    width, height = size_of(known["original_width"], known["original_height"])
    check_pixels("size", width, height)
    photo = PhotoShapes(str(data["image"]).rpartition("?d=")[2], width, height)
    parents = {str(item["parentID"]) for item in items if item.get("parentID")}
    for item in items:
        own = str(item["id"])
        owner = str(item["parentID"]) if item.get("parentID") else own if own in parents else None
        kind, value = item["type"], item["value"]
        score = number_of(item["score"], "score") if item.get("score") is not None else None
        if kind == "rectanglelabels":
            x, y, w, h = (number_of(value[key], key) for key in ("x", "y", "width", "height"))
            box = np.array([x * width, y * height, (x + w) * width, (y + h) * height]) / 100
            photo.boxes.append((owner or own, box, score))
        elif kind == "keypointlabels":
            x, y = number_of(value["x"], "x") * width / 100, number_of(value["y"], "y") * height / 100
            hidden = item.get("meta", {}).get("text") == ["occluded"]
            joint = Joint(str(value[kind][0]), (x, y), 1 if hidden else 2, 1.0 if score is None else score)
            photo.joints.append((owner, joint))
        elif kind == "brushlabels":
            cutout = cutout_of(mask_of_brush(value.get("rle"), width, height), 1)
            if cutout is not None:
                photo.masks.append((owner, str(value[kind][0]), cutout))
        else:
            raise ValueError(f"items of type {shown(kind)} are not read; delete them")
    return photo

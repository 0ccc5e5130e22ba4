"""What is wrong with a NAME.json that was edited, damaged or written by something else."""

import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from posepart.arrays import LARGEST
from posepart.schema import JOINT_NAMES, NUM_JOINTS, PART_NAMES


def problem_of(record: object) -> str | None:
    """The first thing that keeps a record from being a result; None if it is one.

    Parameters
    ----------
    record : object
        What the JSON file holds.
    """
    if not isinstance(record, dict) or not {"photo", "people", "schema"} <= record.keys():
        return "photo, people or schema is missing"
    for key, (fits, expected) in _RECORD.items():
        if key in record and not fits(record[key]):
            return f"{key}: expected {expected}, got {reprlib.repr(record[key])}"
    schema = record["schema"]
    if schema.get("joints") != list(JOINT_NAMES) or schema.get("parts") != list(PART_NAMES):
        return "it has other joints or parts than this version"
    for number, person in enumerate(record["people"], start=1):
        for where, value, fields in (
            ("", person, _PERSON),
            ("certificate: ", person.get("certificate"), _CERTIFICATE),
        ):
            for key, (fits, expected) in fields.items():
                if key not in value and key != "confidence":
                    return f"person {number}: {where}{key} is missing"
                if not fits(value.get(key)):
                    found = reprlib.repr(value.get(key))
                    return f"person {number}: {where}{key}: expected {expected}, got {found}"
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _is_number_or_null(value: object) -> bool:
    return value is None or _is_number(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST


def _are_numbers(value: object, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and all(map(_is_number, value))


def _are_joints(value: object) -> bool:
    return isinstance(value, list) and len(value) == NUM_JOINTS and all(_are_numbers(row, 3) for row in value)


def _is_photo(value: object) -> bool:
    if not isinstance(value, dict) or not all(_is_size(value.get(key)) for key in ("width", "height")):
        return False
    return _is_text(value.get("file_name")) and _is_text(value.get("sha256", ""))


def _are_people(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(person, dict) and isinstance(person.get("certificate"), dict) for person in value
    )


_Fields = Mapping[str, tuple[Callable[[Any], bool], str]]
_RECORD: _Fields = {
    "photo": (_is_photo, "a file_name, width, height and sha256"),
    "model": (_is_text, "a name"),
    "run": (_is_text, "a text"),
    "seconds": (
        lambda value: isinstance(value, dict) and all(map(_is_number, value.values())),
        "a number for every stage",
    ),
    "schema": (lambda value: isinstance(value, dict), "joints and parts"),
    "people": (_are_people, "a list of people, each with a certificate"),
}
_PERSON: _Fields = {
    "keypoints": (_are_joints, f"{NUM_JOINTS} joints of three numbers"),
    "bbox": (lambda value: _are_numbers(value, 4), "four numbers"),
    "score": (_is_number_or_null, "a number or null"),
    "box_score": (_is_number, "a number"),
    "confidence": (_is_number_or_null, "a number"),
}
_CERTIFICATE: _Fields = {
    "energy": (_is_number_or_null, "a number or null"),
    "bound": (_is_number_or_null, "a number or null"),
    "gap": (_is_number_or_null, "a number or null"),
    "status": (_is_text, "a text"),
    "seconds": (_is_number, "a number"),
}

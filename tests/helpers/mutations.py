"""Strategies for hypothesis: files that are nearly right. Bytes are damaged anywhere, JSON in values and keys."""

import copy
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

DEEP = "@deep@"  # stands for a list nested far deeper than Python recurses
TWO_LINES = "a\nb"
ALIEN: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 17, 255, 256, 0.5, -0.0, 384.0, 1e-320, 1e30, -1e30, 1e300, -1e308,
    float("nan"), float("inf"), float("-inf"), 2**31, 2**63, -(2**63), 10**25, 10**400, "", "0", "1", "1.0", "nan",
    "-1", "true", "null", TWO_LINES, "\0", "\ud800", "日本", "x" * 300, "x" * 5000, "../../x", "/etc/passwd",
    "a\\b.jpg", ".", "..", "a/", DEEP, [], {}, [[]], [None], [0, 0, 0, 0], {"a": 1}, [{}], ["a"],
    [float("nan")] * 4, [10**400],
)  # fmt: skip
_NUMBERS = (
    0,
    1,
    2,
    3,
    7,
    8,
    16,
    127,
    128,
    255,
    256,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
)


@st.composite
def damaged(draw: DrawFn, seeds: Sequence[bytes], most: int = 5) -> bytes:
    """One of the files with some bytes changed, cut out, repeated, or replaced by those of another."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, most))):
        near = draw(st.booleans())
        at = draw(st.integers(0, max(0, min(len(data), 96 if near else len(data)) - 1)))
        length = draw(st.sampled_from((1, 2, 4, 8, 17, 64, 500)))
        kind = draw(st.sampled_from(("bit", "number", "number", "cut", "drop", "repeat", "splice", "fill")))
        if kind == "bit" and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "number":
            form = draw(st.sampled_from(("<B", "<H", ">H", "<I", ">I", "<Q", ">Q")))
            number = draw(st.sampled_from(_NUMBERS)) & (256 ** struct.calcsize(form) - 1)
            data[at : at + struct.calcsize(form)] = struct.pack(form, number)
        elif kind == "cut":
            del data[at:]
        elif kind == "drop":
            del data[at : at + length]
        elif kind == "repeat":
            data[at:at] = data[at : at + length] * draw(st.sampled_from((1, 1, 30)))
        elif kind == "splice":
            other = draw(st.sampled_from(seeds))
            data[at:] = other[draw(st.integers(0, len(other) - 1)) :]
        elif kind == "fill":
            data[at : at + length] = bytes([draw(st.sampled_from((0, 255, 10, 65)))]) * length
    return bytes(data)


def with_checksums(png: bytes) -> bytes:
    """A PNG with correct checksums, so that a reader goes on to what is wrong inside its chunks."""
    data, at = bytearray(png), 8
    while at + 12 <= len(data):
        end = at + 8 + struct.unpack(">I", data[at : at + 4])[0]
        if end + 4 > len(data):
            break
        data[end : end + 4] = struct.pack(">I", zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return bytes(data)


@st.composite
def mutated(draw: DrawFn, seed: Any, alien: Sequence[Any] = ALIEN, most: int = 3) -> Any:
    """A document of JSON in which some values and keys are changed; half of the time only one."""
    holder = {"": copy.deepcopy(seed)}
    for _ in range(draw(st.sampled_from((1, 1, 1, *range(2, most + 1))))):
        parent, key = _place(draw, holder)
        _change(draw, parent, key, alien)
    return holder.get("")


def _place(draw: DrawFn, holder: dict[str, Any]) -> tuple[Any, Any]:
    """A container and a key of it; the deeper a document, the deeper the place may be."""
    parent: Any = holder
    key: Any = ""
    while key in parent if isinstance(parent, dict) else key < len(parent):
        value = parent[key]
        if not isinstance(value, dict | list) or not value or draw(st.integers(0, 5)) == 0:
            break
        parent = value
        key = draw(st.sampled_from(list(value))) if isinstance(value, dict) else _index(draw, value)
    return parent, key


def _index(draw: DrawFn, values: list[Any]) -> int:
    return draw(st.integers(0, len(values) - 1))


def _change(draw: DrawFn, parent: Any, key: Any, alien: Sequence[Any]) -> None:
    if isinstance(parent, dict) and key not in parent:
        return
    value = parent[key]
    kind = draw(st.sampled_from(("alien", "alien", "drop", "type", "rename", "repeat", "wrap")))
    if kind == "alien":
        parent[key] = copy.deepcopy(draw(st.sampled_from(alien)))
    elif kind == "drop":
        del parent[key]
    elif kind == "type":
        parent[key] = _other_type(draw, value)
    elif kind == "rename" and isinstance(parent, dict):
        parent[draw(st.sampled_from(("", "x", key.upper(), key + " ", "\ud800", *parent)))] = parent.pop(key)
    elif kind == "repeat" and isinstance(parent, list):
        parent[key:key] = [copy.deepcopy(value)] * draw(st.sampled_from((1, 1, 50)))
    elif kind == "wrap":
        parent[key] = draw(st.sampled_from(([value], {"a": value})))


def _other_type(draw: DrawFn, value: Any) -> Any:
    """Text for a number, a number for text; a list for an object, an object for a list."""
    if isinstance(value, bool | int | float):
        if abs(value) > 1e300:  # an integer that no float holds
            return draw(st.sampled_from((str(value), bool(value), -value)))
        return draw(st.sampled_from((str(value), bool(value), -value, value + 0.5, value * 1.0)))
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return {str(k): entry for k, entry in enumerate(value)}
    return list(value.items()) if isinstance(value, dict) else 0


@st.composite
def json_files(draw: DrawFn, seed: Any, alien: Sequence[Any] = ALIEN) -> bytes:
    """A JSON file with changed values and keys, or changed bytes, or in an unusual encoding."""
    document = draw(mutated(seed, alien))
    text = json.dumps(document, ensure_ascii=draw(st.integers(0, 3)) > 0)
    text = text.replace(f'"{DEEP}"', "[" * 20_000 + "]" * 20_000)
    encoding = draw(st.sampled_from(("utf-8",) * 6 + ("utf-8-sig", "utf-16", "utf-8", "cp1252")))
    data = text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")
    return draw(damaged([data], most=2)) if draw(st.integers(0, 7)) == 0 else data

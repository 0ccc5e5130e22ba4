"""Files: no final name ever holds half a file, JSON has a line per entry."""

import json
import math
import os
from pathlib import Path
from typing import BinaryIO

import pytest

from posepart.io.files import (
    read_json,
    read_names,
    remove_leftovers,
    sha256,
    write_atomically,
    write_json,
    write_text,
)


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, fail)
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
    assert path.read_text() == "old"


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.json"

    def write_within(file: BinaryIO) -> None:
        file.write(b"outer")
        write_text(path, "inner")
        assert path.read_text() == "inner"

    write_atomically(path, write_within)
    assert path.read_text() == "outer"
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_the_longest_name(tmp_path: Path) -> None:
    path = tmp_path / ("\u00e9" * 120 + "_parts.png")  # 250 bytes
    write_text(path, "\u00e9\n")
    assert path.read_bytes() == b"\xc3\xa9\n"


def test_only_old_leftovers_are_removed(tmp_path: Path) -> None:
    for name in (".old.12.unfinished", ".young.34.unfinished", ".hidden", "named.unfinished"):
        (tmp_path / name).touch()
        if "young" not in name:
            os.utime(tmp_path / name, (0, 0))
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        ".young.34.unfinished",
        ".hidden",
        "named.unfinished",
    }


def test_json_has_a_line_per_key_and_entry(tmp_path: Path) -> None:
    record = {"name": "a", "people": [{"id": 1}, {"id": 2}], "empty": [], "nested": {"x": [1, 2]}}
    write_json(tmp_path / "a.json", record)
    text = (tmp_path / "a.json").read_text()
    assert text.splitlines() == [
        "{",
        ' "name": "a",',
        ' "people": [',
        '  {"id": 1},',
        '  {"id": 2}',
        " ],",
        ' "empty": [],',
        ' "nested": {"x": [1, 2]}',
        "}",
    ]
    assert json.loads(text) == record


@pytest.mark.parametrize("value", [math.nan, [{"x": math.inf}]])
def test_json_refuses_what_it_cannot_express(value: object, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"value": value})
    assert not list(tmp_path.iterdir())


def test_sha256_of_a_known_text(tmp_path: Path) -> None:
    (tmp_path / "abc").write_text("abc")
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_list_of_names(tmp_path: Path) -> None:
    path = tmp_path / "val_id.txt"
    path.write_text("a b\nc\n", encoding="utf-8-sig")
    assert read_names(path) == ["a", "b", "c"]
    path.write_bytes(b"caf\xe9\n")
    for wrong in (path, tmp_path / "absent.txt"):
        with pytest.raises(ValueError, match=rf"{wrong.name}: not a text file with a list of names"):
            read_names(wrong)


def test_json_that_is_nested_too_deeply_is_refused_as_any_other(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(path)

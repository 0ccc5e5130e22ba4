"""Folders: every photo that can be read counts, and other pictures are named."""

import functools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from posepart.io import photo_formats
from posepart.io.photo_folders import find_photos, left_out, photos_by_stem
from posepart.io.photos import open_photo, photo_size

HEIC_HEADER = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def write(path: Path, kind: str, size: tuple[int, int] = (32, 16)) -> Path:
    Image.new("RGB", size, (200, 90, 40)).save(path, kind)
    return path


@pytest.mark.parametrize(
    ("suffix", "kind", "feature"),
    [
        ("jfif", "JPEG", "jpg"),
        ("JFIF", "JPEG", "jpg"),
        ("pjpeg", "JPEG", "jpg"),
        ("avif", "AVIF", "avif"),
        ("jp2", "JPEG2000", "jpg_2000"),
        ("webp", "WEBP", "webp"),
        ("pnm", "PPM", "zlib"),
    ],
)
def test_what_pillow_reads_is_a_photo(tmp_path: Path, suffix: str, kind: str, feature: str) -> None:
    if not features.check(feature):
        pytest.skip(f"this Pillow has no {kind}")
    path = write(tmp_path / f"a.{suffix}", kind)
    assert find_photos([tmp_path]) == [path]
    assert left_out(tmp_path) == ""
    assert np.abs(open_photo(path).image.astype(int) - (200, 90, 40)).max() < 12
    assert photo_size(path) == photo_size(path, whole=True) == (32, 16)


def test_heic_without_its_reader_is_named_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    formats = functools.cache(photo_formats.readable_formats.__wrapped__)
    monkeypatch.setattr(photo_formats, "readable_formats", formats)
    monkeypatch.setattr("posepart.io.photos.readable_formats", formats)
    (tmp_path / "e.HEIC").write_bytes(HEIC_HEADER + bytes(64))
    write(tmp_path / "a.jpg", "JPEG")
    assert [photo.name for photo in find_photos([tmp_path])] == ["a.jpg"]
    assert left_out(tmp_path).startswith("1 file left out: e.HEIC (")
    assert left_out(tmp_path).endswith("; what reads HEIC is installed with pip install pi-heif)")
    with pytest.raises(ValueError, match=r"e\.HEIC: a HEIC picture; .*pip install pi-heif"):
        open_photo(tmp_path / "e.HEIC")


def test_heic_with_its_reader(tmp_path: Path) -> None:
    """In a process of its own, as the reader stays registered with Pillow."""
    pytest.importorskip("pi_heif")
    (tmp_path / "e.heic").write_bytes(HEIC_HEADER + bytes(64))
    code = f"""
from posepart.io.photo_folders import find_photos
from posepart.io.photos import open_photo
print([photo.name for photo in find_photos([{str(tmp_path)!r}])])
try: open_photo({str(tmp_path / "e.heic")!r})
except ValueError as error: print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("['e.heic']\n") and "e.heic: " in result.stdout


def test_a_sub_folder_that_is_read_as_well_is_not_left_out(tmp_path: Path) -> None:
    for name in ("cam0", "cam1"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "a.jpg", "JPEG")
    assert left_out(tmp_path, [tmp_path, tmp_path / "cam0"]) == "1 sub-folder with photos left out: cam1/"


def test_other_pictures_are_named_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg", "JPEG")
    assert left_out(tmp_path) == ""
    write(tmp_path / "b.jpg_large", "JPEG")  # known by its first bytes
    write(tmp_path / "without_suffix", "PNG")
    (tmp_path / "c.CR2").write_bytes(b"raw")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "._c.CR2").touch()
    (tmp_path / "empty").touch()
    (tmp_path / "deeper").mkdir()
    assert left_out(tmp_path).startswith("3 files left out: b.jpg_large, c.CR2, without_suffix (")
    write(tmp_path / "deeper" / "d.png", "PNG")
    assert left_out(tmp_path).endswith("; 1 sub-folder with photos left out: deeper/")
    assert [photo.name for photo in find_photos([tmp_path])] == ["a.jpg"]


def test_long_lists_are_cut(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number:02}.nef").touch()
    assert left_out(tmp_path).startswith("12 files left out: 00.nef, 01.nef,")
    assert "09.nef and 2 more (" in left_out(tmp_path)
    with pytest.raises(ValueError, match=r"no photo in this folder .*12 files left out: 00\.nef"):
        find_photos([tmp_path])


def test_photos_by_stem(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such folder"):
        photos_by_stem(tmp_path / "absent")
    assert photos_by_stem(tmp_path) == {}
    for name in ("b.PNG", "a.JPG", "c.jpeg"):
        (tmp_path / name).touch()
    assert [(stem, path.name) for stem, path in photos_by_stem(tmp_path).items()] == [
        ("a", "a.JPG"),
        ("b", "b.PNG"),
        ("c", "c.jpeg"),
    ]
    (tmp_path / "b.jpg").touch()
    with pytest.raises(ValueError, match=r"holds b\.PNG and b\.jpg"):
        photos_by_stem(tmp_path)

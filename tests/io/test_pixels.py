"""Samples of more than 8 bits, and colours that are not RGB."""

import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import ArrayLike
from PIL import Image, TiffImagePlugin

from posepart.io.photos import open_photo

RAMP = np.linspace(0, 65535, 12).reshape(3, 4).astype(np.uint16)
BITS_PER_SAMPLE, PHOTOMETRIC, LARGEST_SAMPLE = 258, 262, 281


def save_grey(path: Path, samples: ArrayLike, largest: int | None = None) -> Path:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    if largest is not None:
        tags[LARGEST_SAMPLE] = largest
    picture = Image.fromarray(np.asarray(samples))
    if largest is None:
        picture.save(path)
    else:
        picture.save(path, tiffinfo=tags)
    return path


def say_that_0_is_white(path: Path) -> None:
    """Change tag 262, a short in a little-endian TIFF, from 1 to 0."""
    content = path.read_bytes()
    entry = PHOTOMETRIC.to_bytes(2, "little") + b"\x03\0\x01\0\0\0"
    assert content.count(entry + b"\x01\0") == 1
    path.write_bytes(content.replace(entry + b"\x01\0", entry + b"\0\0"))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_0_is_white_in_any_depth(tmp_path: Path, kind: type) -> None:
    samples = RAMP >> 8 if kind is np.uint8 else RAMP
    path = save_grey(tmp_path / "scan.tif", samples.astype(kind))
    black_is_0 = open_photo(path).image
    assert black_is_0.min() == 0 and black_is_0.max() == 255
    say_that_0_is_white(path)
    photo = open_photo(path)
    np.testing.assert_array_equal(photo.image, 255 - black_is_0)
    assert photo.notes == ()


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_grey_samples_that_fill_part_of_16_bits(tmp_path: Path, suffix: str, bits: int) -> None:
    photo = open_photo(save_grey(tmp_path / f"deep.{suffix}", RAMP >> 16 - bits))
    np.testing.assert_array_equal(photo.image[..., 0], RAMP >> 8)
    assert photo.notes == (f"its 16-bit samples fill only {bits} bits and are read as {bits}-bit samples",)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_one_sample_above_12_bits_means_16(tmp_path: Path, suffix: str) -> None:
    samples = np.full((3, 4), 4095, np.uint16)
    samples[1, 2] = 4096
    photo = open_photo(save_grey(tmp_path / f"dark.{suffix}", samples))
    assert photo.image.max() == 16 and photo.notes == ()


def test_a_black_photo_stays_black(tmp_path: Path) -> None:
    assert not open_photo(save_grey(tmp_path / "black.png", np.zeros((3, 4), np.uint16))).image.any()


def test_the_largest_sample_that_the_file_states(tmp_path: Path) -> None:
    photo = open_photo(save_grey(tmp_path / "stated.tif", np.full((3, 4), 400, np.uint16), largest=1023))
    assert (photo.image == 100).all() and photo.notes == ()


def test_the_largest_sample_that_a_pgm_states(tmp_path: Path) -> None:
    (tmp_path / "dark.pgm").write_bytes(b"P5 2 1 4095\n" + np.array([80, 160], ">u2").tobytes())
    photo = open_photo(tmp_path / "dark.pgm")
    assert photo.image[0, :, 0].tolist() == pytest.approx([5, 10], abs=1) and photo.notes == ()


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_colours_that_fill_part_of_16_bits(tmp_path: Path, suffix: str, bits: int) -> None:
    colours = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], axis=2)  # blue, green, red
    path = tmp_path / f"deep.{suffix}"
    cv2.imwrite(str(path), colours >> 16 - bits)
    photo = open_photo(path)
    np.testing.assert_array_equal(photo.image, colours[..., ::-1] >> 8)
    assert photo.notes == (f"its 16-bit samples fill only {bits} bits and are read as {bits}-bit samples",)
    cv2.imwrite(str(path), colours)
    assert open_photo(path).notes == ()


def test_deep_colours_are_turned_upright(tmp_path: Path) -> None:
    colours = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], axis=2) >> 4
    encoded = cv2.imencode(".png", colours)[1].tobytes()
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # orientation 6
    chunk = b"eXIf" + exif
    whole = len(exif).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4)
    (tmp_path / "turned.png").write_bytes(encoded[:33] + whole + encoded[33:])
    photo = open_photo(tmp_path / "turned.png")
    np.testing.assert_array_equal(photo.image, np.rot90(colours[..., ::-1] >> 4, -1))


def test_lab_is_a_colour(tmp_path: Path) -> None:
    Image.merge("LAB", [Image.new("L", (3, 2), level) for level in (255, 128, 128)]).save(
        tmp_path / "lab.tif"
    )
    assert open_photo(tmp_path / "lab.tif").image.min() >= 250  # L = 100, a = b = 0

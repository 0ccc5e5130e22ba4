"""Photos of every kind: read as (H, W, 3) uint8 RGB, or refused in one sentence that names the file."""

import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
import pytest
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngImageFile

from posepart.io import photos as images
from posepart.io import pixels
from posepart.io.photo_folders import find_photos
from posepart.io.photos import open_photo, photo_size, read_photo

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def save(path: Path, picture: Image.Image, **options: Any) -> Path:
    picture.save(path, **options)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ValueError) as caught:
        read_photo(path)
    sentence = str(caught.value)
    assert path.name in sentence
    assert "\n" not in sentence
    return sentence


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    assert "0 bytes" in refusal(tmp_path / "empty.jpg")


def test_missing_file(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "missing.jpg")


def test_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


def test_text_named_jpg(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not a picture at all\n" * 100)
    assert "not a picture" in refusal(tmp_path / "text.jpg")


def test_zero_pixels(tmp_path: Path) -> None:
    (tmp_path / "zero.ppm").write_bytes(b"P6\n0 4\n255\n")
    assert "no pixels" in refusal(tmp_path / "zero.ppm")


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "tif", "webp", "ppm"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.95])
def test_truncated(tmp_path: Path, suffix: str, kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / f"cut.{suffix}", Image.fromarray(noise))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    refusal(path)


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "locked.png", Image.new("RGB", (4, 4)))

    def locked(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(images.Image, "open", locked)
    assert "Permission denied" in refusal(path)


def test_too_many_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "huge.png", Image.new("1", (50, 40)))
    monkeypatch.setattr(images, "MAX_PIXELS", 1999)
    assert "50 x 40" in refusal(path)


def test_pillow_limit_is_ours_and_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "large.png", Image.new("L", (50, 40), 7))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow alone would refuse 2000 pixels
    monkeypatch.setattr(pixels, "_STRIP_PIXELS", 50)  # a copied strip is under any limit
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_photo(path).shape == (40, 50, 3)
    assert Image.MAX_IMAGE_PIXELS == 100


@pytest.mark.parametrize(
    ("mode", "stored", "expected"),
    [
        ("RGB", (10, 20, 30), (10, 20, 30)),
        ("1", 1, (255, 255, 255)),
        ("L", 77, (77, 77, 77)),
        ("LA", (100, 255), (100, 100, 100)),
        ("LA", (100, 0), (255, 255, 255)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (0, 100, 200, 51), (204, 224, 244)),  # 20 % of the colour on 80 % white
        ("I;16", 0x1234, (0x12, 0x12, 0x12)),
        ("I;16", 0xFFFF, (255, 255, 255)),
    ],
)
def test_modes_in_png(tmp_path: Path, mode: str, stored: Any, expected: tuple[int, int, int]) -> None:
    path = save(tmp_path / "photo.png", Image.new(mode, (5, 3), stored))
    image = read_photo(path)
    assert image.dtype == np.uint8
    assert image.shape == (3, 5, 3)
    assert image.flags.c_contiguous
    assert (image == expected).all()


@pytest.mark.parametrize(
    ("mode", "stored", "expected"),
    [
        ("CMYK", (0, 255, 255, 0), RED),
        ("I;16", 0x8000, (128, 128, 128)),
        ("I;16B", 0x8000, (128, 128, 128)),
        ("I", 200, (200, 200, 200)),
        ("I", 51200, (200, 200, 200)),
        ("F", 0.6, (153, 153, 153)),
        ("F", 51.0, (51, 51, 51)),
        ("F", float("nan"), (0, 0, 0)),
        pytest.param(
            *("YCbCr", (128, 128, 128), (128, 128, 128)),
            marks=pytest.mark.skipif(PIL.__version__ < "13", reason="Pillow 12 cannot read what it writes"),
        ),
    ],
)
def test_modes_in_tiff(tmp_path: Path, mode: str, stored: Any, expected: tuple[int, int, int]) -> None:
    path = save(tmp_path / "photo.tif", Image.new(mode, (5, 3), stored))
    assert (read_photo(path) == expected).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_colour(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"deep.{suffix}"
    blue_green_red = np.full((3, 5, 3), (0x30FF, 0x2000, 0x1080), np.uint16)
    cv2.imwrite(str(path), blue_green_red)
    assert (read_photo(path) == (0x10, 0x20, 0x30)).all()


def test_cmyk_jpeg(tmp_path: Path) -> None:
    path = save(tmp_path / "print.jpg", Image.new("CMYK", (16, 16), (0, 255, 255, 0)))
    assert np.abs(read_photo(path).astype(int) - RED).max() <= 3


def test_palette_with_transparency(tmp_path: Path) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, *BLUE])
    picture.putpixel((1, 0), 1)
    path = save(tmp_path / "palette.png", picture, transparency=1)
    assert read_photo(path).tolist() == [[[255, 0, 0], [255, 255, 255]]]
    path = save(tmp_path / "opaque.png", picture)
    assert read_photo(path).tolist() == [[[255, 0, 0], [0, 0, 255]]]


def test_animated_gif_gives_the_first_frame_and_a_note(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in (RED, GREEN, BLUE)]
    path = save(tmp_path / "wave.gif", frames[0], save_all=True, append_images=frames[1:])
    photo = open_photo(path)
    assert (photo.image == RED).all()
    assert photo.notes == ("holds 3 pictures, the first is used",)
    with pytest.warns(UserWarning, match=r"wave\.gif: holds 3 pictures"):
        read_photo(path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    """The viewer's picture is the same one, however the file stores it."""
    upright = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    undo = {
        1: upright,
        2: upright[:, ::-1],
        3: np.rot90(upright, 2),
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(undo[orientation]))
    path = save(tmp_path / "phone.png", stored, exif=exif)
    assert np.array_equal(read_photo(path), upright)
    assert np.array_equal(read_photo(path), np.asarray(_exif_transpose(path)))


def _exif_transpose(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return ImageOps.exif_transpose(picture)


def test_garbled_exif_does_not_hide_the_pixels(tmp_path: Path) -> None:
    path = save(
        tmp_path / "garbled.jpg", Image.new("RGB", (8, 8), RED), exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff"
    )
    assert read_photo(path).shape == (8, 8, 3)


def test_strips_join_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (37, 11, 3), dtype=np.uint8)
    path = save(tmp_path / "noise.png", Image.fromarray(noise))
    monkeypatch.setattr(pixels, "_STRIP_PIXELS", 40)
    assert np.array_equal(read_photo(path), noise)


def test_large_photo_needs_little_beyond_its_pixels(tmp_path: Path) -> None:
    """16 megapixels, turned by EXIF: at most one result (3 bytes a pixel) and one strip of numpy memory."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "large.jpg", Image.new("RGB", (4000, 4000), GREEN), exif=exif)
    tracemalloc.start()
    image = read_photo(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert image.shape == (4000, 4000, 3)
    assert peak < image.nbytes + 6 * pixels._STRIP_PIXELS * 3


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_find_nothing() -> None:
    assert find_photos([]) == []


def test_find_in_a_folder(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a.png", "._a.png", "notes.txt", "c.jpeg")
    touch(tmp_path / "deeper.jpg", "d.jpg")
    assert [photo.name for photo in find_photos([tmp_path])] == ["a.png", "b.JPG", "c.jpeg"]


def test_find_keeps_the_order_and_each_photo_once(tmp_path: Path) -> None:
    touch(tmp_path, "b.jpg", "a.jpg")
    found = find_photos([tmp_path / "b.jpg", tmp_path, str(tmp_path / "gone.jpg")])
    assert [photo.name for photo in found] == ["b.jpg", "a.jpg", "gone.jpg"]


def test_find_in_a_folder_without_photos(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt")
    with pytest.raises(ValueError, match="no photo in this folder"):
        find_photos([tmp_path])


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_size_of_the_upright_photo(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / f"phone.{suffix}", Image.new("RGB", (40, 30)), exif=exif)
    assert photo_size(path) == photo_size(path, whole=True) == (30, 40) == read_photo(path).shape[1::-1]
    path = save(tmp_path / f"plain.{suffix}", Image.new("RGB", (40, 30)))
    assert photo_size(path) == photo_size(path, whole=True) == (40, 30)


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "tif", "webp", "ppm"])
def test_a_photo_that_is_cut_short_has_no_whole_size(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / f"cut.{suffix}", Image.fromarray(noise))
    content = path.read_bytes()
    path.write_bytes(content + b"\0" * 7)  # padding is harmless
    assert photo_size(path, whole=True) == (64, 64)
    path.write_bytes(content[: len(content) * 3 // 4])
    with pytest.raises(ValueError, match=rf"cut\.{suffix}: the picture is damaged or cut short"):
        photo_size(path, whole=True)


def test_a_chunk_longer_than_the_file_is_damage_not_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow asks for the whole chunk at once, which some machines refuse."""
    path = tmp_path / "photo.png"
    Image.new("RGB", (24, 17), "red").save(path)
    content = path.read_bytes()
    at = content.index(b"IDAT") - 4
    path.write_bytes(content[:at] + b"\xff\xff\xff\xbc" + content[at + 4 :])

    def load(picture: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr(PngImageFile, "load", load)
    with pytest.raises(ValueError, match=r"damaged or cut short .a chunk is longer than the file"):
        open_photo(path)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="too little memory"):
        open_photo(path)


def test_threads_that_read_at_once_leave_the_warnings_as_they_were(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(40)]
    for path in paths:
        Image.new("RGB", (300, 200), (90, 90, 90)).save(path)
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(read_photo, paths))) == len(paths)
    assert list(warnings.filters) == before

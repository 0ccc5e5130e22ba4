"""PNGs of ids: the values survive whatever colours a palette gives them."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posepart.io.label_maps import read_ids, read_label_map, write_label_map
from posepart.schema import IGNORE, voc_palette

IDS = np.array([[0, 1, 6], [IGNORE, 2, 0]], np.uint8)


@pytest.mark.parametrize("palette", [None, voc_palette(), voc_palette()[:7]])
@pytest.mark.parametrize("ids", [IDS, IDS.T, IDS[:, ::2]])
def test_round_trip(ids: np.ndarray, palette: np.ndarray | None, tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.png"
    write_label_map(path, ids, palette)
    np.testing.assert_array_equal(read_ids(path), ids)
    np.testing.assert_array_equal(read_label_map(path, 7), ids)
    with Image.open(path) as picture:
        assert picture.mode == ("L" if palette is None else "P")


def test_ids_of_another_schema(tmp_path: Path) -> None:
    write_label_map(tmp_path / "a.png", IDS)
    with pytest.raises(ValueError, match=r"a\.png: expected ids 0\.\.5 or 255, got 6"):
        read_label_map(tmp_path / "a.png", 6)


def test_what_is_no_png_of_ids(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.png: not a PNG that can be read \(No such file"):
        read_ids(tmp_path / "gone.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"text\.png: not a PNG that can be read"):
        read_ids(tmp_path / "text.png")
    Image.new("RGB", (2, 2)).save(tmp_path / "rgb.png")
    with pytest.raises(
        ValueError, match=r"rgb\.png: expected an 8-bit indexed or grey PNG of ids, got mode RGB"
    ):
        read_ids(tmp_path / "rgb.png")


@pytest.mark.parametrize("ids", [IDS[0], IDS.astype(np.int64)])
def test_what_cannot_be_written(ids: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected \(H, W\) uint8 ids"):
        write_label_map(tmp_path / "a.png", ids)


def test_a_damaged_header(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_label_map(path, IDS)
    content = bytearray(path.read_bytes())
    content[11] = 12  # the length of the chunk with the size, one byte too short
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.png: not a PNG that can be read \(Truncated IHDR chunk\)"):
        read_ids(path)


def test_a_map_of_too_many_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_label_map(path, IDS)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 100_000, 50_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.png: 100000 x 50000 pixels are more than the limit of 200"):
        read_ids(path)

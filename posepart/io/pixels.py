"""From a picture as Pillow opens it to the pixels of the upright photo; see `photos` for the conventions."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_STRIP_PIXELS = 4_000_000
_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
_WIDTH, _HEIGHT, _BITS_PER_SAMPLE, _PHOTOMETRIC, _LARGEST_SAMPLE = 256, 257, 258, 262, 281  # tags of TIFF
_WHITE_IS_ZERO = 0
_FILLED_BITS = (8, 10, 12)  # of 16, by cameras and converters


def upright_rgb(stored: Image.Image, path: Path) -> tuple[NDArray[np.uint8], str]:
    """Decode a picture in the orientation that EXIF asks for.

    Parameters
    ----------
    stored : Image
        Opened, not decoded yet.
    path : Path
        Its file.

    Returns
    -------
    (H, W, 3) uint8 RGB
    str
        A note about a range of samples that was guessed; usually empty.
    """
    turned = getattr(stored, "tag_v2", {}).get(_EXIF_ORIENTATION, 1) != 1  # see `tiff_size`
    deep_colour = (
        not stored.mode.startswith("I;16") and ";16" in str(getattr(stored, "tile", "")) and not turned
    )
    stored.load()  # before the EXIF data are read: PNG may store them after the pixels
    width, height = stored.size
    orientation = exif_orientation(stored)
    upright = np.empty((*upright_size(stored.size, orientation)[::-1], 3), np.uint8)
    as_stored = _stored_view(upright, orientation)
    levels = _levels(stored)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip = stored.crop((0, top, width, min(top + rows, height)))
        as_stored[top : top + rows] = _strip_to_rgb(strip, levels)
    if deep_colour and upright.max() < 256 >> 16 - _FILLED_BITS[-1]:
        return upright, _widen(path, as_stored)
    return upright, levels.note


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height after turning a picture of (width, height) as EXIF asks."""
    return (size[1], size[0]) if orientation in _SIDEWAYS else size


def tiff_size(stored: Image.Image) -> tuple[int, int]:
    """Width and height of an upright TIFF that is not decoded yet: only some versions of Pillow turn TIFFs."""
    tags = getattr(stored, "tag_v2", {})
    return upright_size((tags[_WIDTH], tags[_HEIGHT]), tags.get(_EXIF_ORIENTATION, 1))


def exif_orientation(stored: Image.Image) -> int:
    """The orientation that the EXIF data ask for, 1 (upright) to 8; 1 where there are none."""
    try:
        return int(stored.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # on garbled EXIF data Pillow raises almost anything; the pixels may still be sound
        return 1


def _stored_view(upright: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """A view of the upright photo whose rows and columns run as they are stored in the file."""
    across = upright.swapaxes(0, 1)
    views = {
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: across,
        6: np.rot90(upright, 1),
        7: across[::-1, ::-1],
        8: np.rot90(upright, -1),
    }
    return views.get(orientation, upright)


@dataclass(frozen=True)
class _Levels:
    """How the samples of a grey picture of more than 8 bits become 0 (black) to 255 (white)."""

    scale: float = 1.0  # factor to [0, 255]
    inverted: bool = False  # 0 is white in the file
    note: str = ""  # about a range that was guessed


def _levels(stored: Image.Image) -> _Levels:
    """The range that the file states, or else the smallest usual one that holds its largest sample."""
    if not stored.mode.startswith("I;16") and stored.mode not in ("I", "F"):
        return _Levels()
    tags = getattr(stored, "tag_v2", {})
    inverted = tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    bits = _stated_bits(stored)
    if bits is not None:
        return _Levels(2.0 ** (8 - bits), inverted)
    largest = _largest_sample(stored)
    if stored.mode == "F" and largest <= 1.0:
        return _Levels(255.0, inverted)
    if largest >= 1 << 16:
        return _Levels(255.0 / largest, inverted)
    bits = _bits_for(largest)
    wide = stored.mode.startswith("I;16")
    return _Levels(2.0 ** (8 - bits), inverted, _filled(bits) if wide and bits < 16 else "")


def _stated_bits(stored: Image.Image) -> int | None:
    """How many bits the samples have, where the file says so or Pillow has spread them over 16."""
    if not stored.mode.startswith("I;16"):
        return 16 if stored.format == "PPM" and stored.mode == "I" else None
    if stored.format not in ("TIFF", "PNG"):
        return 16
    tags = getattr(stored, "tag_v2", {})
    stored_bits = tags.get(_BITS_PER_SAMPLE, (16,))[0]
    if stored_bits < 16:
        return int(stored_bits)
    largest = tags.get(_LARGEST_SAMPLE)
    largest = largest[0] if isinstance(largest, tuple) else largest
    return max(8, int(largest).bit_length()) if largest and largest < 0xFFFF else None


def _largest_sample(stored: Image.Image) -> float:
    largest = 0.0
    rows = max(1, _STRIP_PIXELS // stored.width)
    for top in range(0, stored.height, rows):
        samples = np.asarray(stored.crop((0, top, stored.width, min(top + rows, stored.height))))
        largest = max(largest, float(np.max(samples, initial=0.0, where=np.isfinite(samples))))
    return largest


def _bits_for(largest: float) -> int:
    """The smallest of `_FILLED_BITS`, or 16, that holds a sample."""
    return next((bits for bits in _FILLED_BITS if largest < 1 << bits), 16)


def _filled(bits: int) -> str:
    return f"its 16-bit samples fill only {bits} bits and are read as {bits}-bit samples"


def _strip_to_rgb(strip: Image.Image, levels: _Levels) -> NDArray[np.uint8]:
    """Convert a strip to (h, w, 3) uint8, or to (h, w, 1) if it is grey."""
    if strip.mode.startswith("I;16") or strip.mode in ("I", "F"):
        grey = _to_8_bits(np.asarray(strip), levels.scale)
        return (255 - grey if levels.inverted else grey)[..., None]
    if strip.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return np.asarray(ImageCms.profileToProfile(strip, lab, srgb, outputMode="RGB"))
    if strip.has_transparency_data:
        colour_and_alpha = np.asarray(strip.convert("RGBA"))
        return _on_white(colour_and_alpha[..., :3], colour_and_alpha[..., 3:])
    return np.asarray(strip if strip.mode == "RGB" else strip.convert("RGB"))


def _to_8_bits(samples: NDArray, scale: float) -> NDArray[np.uint8]:
    """Integers of 16 bits lose their lower bits; other samples are rounded."""
    if samples.dtype == np.uint16:
        return np.minimum(samples * np.float32(scale), 255).astype(np.uint8)
    known = np.nan_to_num(samples.astype(np.float64), posinf=np.inf, neginf=0.0)
    return np.clip(np.rint(known * scale), 0, 255).astype(np.uint8)


def _on_white(colour: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    wide = alpha.astype(np.uint16)
    return ((colour.astype(np.uint16) * wide + 255 * (255 - wide) + 127) // 255).astype(np.uint8)


def _widen(path: Path, as_stored: NDArray[np.uint8]) -> str:
    """Read again, with all 16 bits, a colour picture whose samples may fill only 8, 10 or 12 of them.

    Parameters
    ----------
    path : Path
    as_stored : (h, w, 3) uint8 RGB
        What Pillow made of it, in stored order; overwritten where fewer bits are filled.

    Returns
    -------
    str
        The note about it; empty if the picture was left as it is.
    """
    deep = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if deep is None or deep.dtype != np.uint16 or deep.shape[:2] != as_stored.shape[:2] or deep.ndim != 3:
        return ""
    bits = _bits_for(float(deep[..., :3].max()))
    if bits == 16:
        return ""
    colour = _to_8_bits(deep[..., 2::-1], 2.0 ** (8 - bits))
    if deep.shape[2] == 4:
        colour = _on_white(colour, (deep[..., 3:] // 256).astype(np.uint8))
    as_stored[...] = colour
    return _filled(bits)

"""Reading photos: files from a camera, a phone or the web become (H, W, 3) uint8 RGB.

The conventions:

- EXIF orientation is applied.
- Transparent pixels are composited on white, as viewers show them.
- 16-bit samples are divided by 256. Wider and floating-point samples are scaled from the smallest of the ranges
  [0, 1], [0, 255], [0, 65535] that holds the largest of them, or from that value itself.
- The first picture of an animation or of a file with several pages is used, and a note says so.
- At most `MAX_PIXELS` pixels are read. They are converted in strips, so the peak of memory is what Pillow holds
  for the decoded file (up to 4 bytes per pixel) plus the result (3 bytes per pixel).
"""

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

MAX_PIXELS = 200_000_000
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")
KNOWN_FORMATS = "JPEG, PNG, WebP, GIF, BMP, TIFF or PPM"

# Pillow's other readers stay out: some of them start external programs.
_PILLOW_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_STRIP_PIXELS = 4_000_000
_EXIF_ORIENTATION = 0x0112
_PILLOW_LIMIT_LOCK = threading.Lock()


@dataclass(frozen=True)
class LoadedPhoto:
    """A photo, upright, with remarks about how it was read."""

    image: NDArray[np.uint8]  # (H, W, 3) RGB
    notes: tuple[str, ...] = ()  # what a user should know about the reading; usually empty


def read_photo(path: str | Path) -> NDArray[np.uint8]:
    """Read a photo; a note about how it was read becomes a warning.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    (H, W, 3) uint8 RGB
        Upright: EXIF orientation is applied.

    Raises
    ------
    ValueError
        One sentence that names the file, what is wrong with it and what to do.
    """
    photo = open_photo(path)
    for note in photo.notes:
        warnings.warn(f"{path}: {note}", stacklevel=2)
    return photo.image


def open_photo(path: str | Path) -> LoadedPhoto:
    """Read a photo together with the notes about how it was read; errors as in `read_photo`."""
    path = Path(path)
    _check_file(path)
    with _open(path) as stored:
        width, height = stored.size
        if width * height > MAX_PIXELS:
            raise ValueError(
                f"{path}: {width} x {height} pixels are more than the limit of {MAX_PIXELS // 10**6} megapixels; "
                "shrink the photo or crop it"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return LoadedPhoto(_upright_rgb(stored), _notes(stored))
        except MemoryError:
            raise _too_little_memory(path) from None
        except Exception as error:  # see `_open`
            raise _damaged(path, error) from None


def _open(path: Path) -> Image.Image:
    """Open a picture, which reads its header."""
    try:
        with without_pillow_limit(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks about odd metadata, which help nobody
            return Image.open(path, formats=_PILLOW_FORMATS)
    except UnidentifiedImageError:
        raise ValueError(
            f"{path}: not a picture that can be read (its content is not {KNOWN_FORMATS}, or it has no "
            "pixels); convert it or leave it out"
        ) from None
    except MemoryError:
        raise _too_little_memory(path) from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be opened ({error.strerror or error}); check the file") from None
    except Exception as error:  # on a damaged header Pillow's readers raise almost anything
        raise _damaged(path, error) from None


def find_photos(paths: Sequence[str | Path]) -> list[Path]:
    """List the photos that `paths` name, in order, each once.

    A folder stands for the photos directly in it: files with one of `SUFFIXES` in upper or lower case, sorted by
    name, without hidden files and sub-folders. Any other path stands for itself and is not looked at.

    Parameters
    ----------
    paths : sequence of str or Path

    Raises
    ------
    ValueError
        A folder holds no photo or cannot be listed.
    """
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        for photo in _photos_in(path) if path.is_dir() else [path]:
            found.setdefault(photo.absolute(), photo)
    return list(found.values())


def _photos_in(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise ValueError(
            f"{folder}: the folder cannot be listed ({error.strerror}); check its permissions"
        ) from None
    photos = [
        entry
        for entry in entries
        if entry.suffix.lower() in SUFFIXES and not entry.name.startswith(".") and not entry.is_dir()
    ]
    if not photos:
        raise ValueError(
            f"{folder}: no photo in this folder (looked for {', '.join(SUFFIXES)}, not in sub-folders); "
            "name the folder that holds the photos"
        )
    return photos


def _check_file(path: Path) -> None:
    """Refuse what is certainly no photo, before it is opened."""
    if path.is_dir():
        raise ValueError(f"{path}: is a folder, not a photo; name a photo in it")
    if not path.exists():
        raise ValueError(f"{path}: no such file; check the path")
    if not path.is_file():
        raise ValueError(f"{path}: is not an ordinary file; name a photo")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty (0 bytes); copy it again or leave it out")


def _damaged(path: Path, error: Exception) -> ValueError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return ValueError(
        f"{path}: the picture is damaged or cut short ({reason}); copy it again or leave it out"
    )


def _too_little_memory(path: Path) -> ValueError:
    return ValueError(f"{path}: too little memory to read a photo of this size; shrink it or free memory")


@contextmanager
def without_pillow_limit() -> Iterator[None]:
    """Lift Pillow's own limit on pixels while a header is read; `MAX_PIXELS` takes its place."""
    with _PILLOW_LIMIT_LOCK:
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _notes(stored: Image.Image) -> tuple[str, ...]:
    frames = getattr(stored, "n_frames", 1)
    # In MPO, a camera appends a preview or a depth map to an ordinary JPEG; that is not worth a note.
    if frames == 1 or stored.format == "MPO":
        return ()
    return (f"holds {frames} pictures, the first is used",)


def _upright_rgb(stored: Image.Image) -> NDArray[np.uint8]:
    """Decode `stored` to (H, W, 3) uint8 RGB in the orientation that EXIF asks for."""
    stored.load()  # before the EXIF data are read: PNG may store them after the pixels
    width, height = stored.size
    orientation = exif_orientation(stored)
    sideways = orientation in (5, 6, 7, 8)
    upright = np.empty((width, height, 3) if sideways else (height, width, 3), np.uint8)
    as_stored = _stored_view(upright, orientation)
    scale = _sample_scale(stored)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip = stored.crop((0, top, width, min(top + rows, height)))
        as_stored[top : top + rows] = _strip_to_rgb(strip, scale)
    return upright


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


def _strip_to_rgb(strip: Image.Image, scale: float) -> NDArray[np.uint8]:
    """Convert a strip to (h, w, 3) uint8, or to (h, w, 1) if it is grey."""
    if strip.mode.startswith("I;16"):
        return (np.asarray(strip) >> 8).astype(np.uint8)[..., None]
    if strip.mode in ("I", "F"):
        samples = np.nan_to_num(np.asarray(strip, dtype=np.float64), posinf=np.inf, neginf=0.0)
        return np.clip(np.rint(samples * scale), 0, 255).astype(np.uint8)[..., None]
    if strip.has_transparency_data:
        colour_and_alpha = np.asarray(strip.convert("RGBA")).astype(np.uint16)
        alpha = colour_and_alpha[..., 3:]
        return ((colour_and_alpha[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.asarray(strip if strip.mode == "RGB" else strip.convert("RGB"))


def _sample_scale(stored: Image.Image) -> float:
    """The factor that brings the samples of a 32-bit or floating-point picture into [0, 255]."""
    if stored.mode not in ("I", "F"):
        return 1.0
    samples = np.asarray(stored)
    largest = float(np.max(samples, initial=0.0, where=np.isfinite(samples)))
    if stored.mode == "F" and largest <= 1.0:
        return 255.0
    if largest <= 255.0:
        return 1.0
    return 1 / 256 if largest <= 65535.0 else 255.0 / largest

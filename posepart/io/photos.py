"""Reading photos: files from a camera, a phone or the web become (H, W, 3) uint8 RGB.

The conventions:

- EXIF orientation is applied, and labels of a photo are those of the upright one.
- Transparent pixels are composited on white, as viewers show them.
- Samples of more than 8 bits are scaled from the range that the file states. Where it states none, they are scaled
  from the smallest range of 8, 10, 12 or 16 bits that holds the largest of them (a note says so if 16-bit samples
  fill fewer), floating-point samples from [0, 1] if that holds them, and larger samples from the largest itself.
- A TIFF in which 0 is white is inverted.
- The first picture of an animation or of a file with several pages is used, and a note says so.
- At most `MAX_PIXELS` pixels are read. They are converted in strips, so the peak of memory is what Pillow holds
  for the decoded file (up to 4 bytes per pixel) plus the result (3 bytes per pixel).
"""

import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from posepart.arrays import Rgb, check_rgb
from posepart.io.photo_formats import readable_formats, why_unreadable
from posepart.io.pixels import exif_orientation, tiff_size, upright_rgb, upright_size

MAX_PIXELS = 200_000_000
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_JPEG_END = b"\xff\xd9"
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PILLOW_LIMIT_LOCK = threading.Lock()

Photo = Rgb | Image.Image | str | Path  # an array is (H, W, 3) uint8 RGB


@dataclass(frozen=True)
class LoadedPhoto:
    """A photo, upright, with remarks about how it was read."""

    image: NDArray[np.uint8]  # (H, W, 3) RGB
    notes: tuple[str, ...] = ()  # what a user should know about the reading; usually empty
    file_name: str = ""  # without folders; empty without a file


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
    if _ADDRESS.match(str(path)):
        raise ValueError(f"{path}: is an address; download the photo, and name the file")
    path = Path(path)
    with _opened(path) as stored:
        notes = _notes(stored)
        image, note = upright_rgb(stored, path)
        return LoadedPhoto(image, (*notes, note) if note else notes, path.name)


def take_photo(photo: Photo) -> LoadedPhoto:
    """A photo in any form as an array.

    Parameters
    ----------
    photo : (H, W, 3) uint8 RGB, Pillow image, str or Path
        EXIF orientation is applied to a Pillow image as to a file; an array is taken as it is.

    Raises
    ------
    ValueError
        It is neither, or cannot be read.
    """
    if isinstance(photo, str | os.PathLike):
        return open_photo(os.fspath(photo))
    if isinstance(photo, Image.Image):
        path = Path(str(getattr(photo, "filename", "") or "the Pillow image"))
        with _decoding(path, photo.size):
            image, note = upright_rgb(photo, path)
        return LoadedPhoto(image, (note,) if note else (), path.name if hasattr(photo, "filename") else "")
    check_rgb(photo)
    return LoadedPhoto(photo)


def photo_size(path: str | Path, whole: bool = False) -> tuple[int, int]:
    """Read the size of a photo from its header.

    Parameters
    ----------
    path : str or Path
    whole : bool
        Also check that the photo is not cut short: the end of a JPEG or PNG shows that, other photos are decoded.

    Returns
    -------
    width, height : int
        Of the upright photo, px.

    Raises
    ------
    ValueError
        As in `read_photo`.
    """
    path = Path(path)
    with _opened(path) as stored:
        if stored.format == "TIFF":
            size = tiff_size(stored)
        elif stored.format == "PNG" and "exif" not in stored.info and not _has_chunk(path, b"eXIf"):
            size = stored.size  # to be sure that there is no orientation, Pillow would decode the photo
        else:
            size = upright_size(stored.size, exif_orientation(stored))
        if whole and not _is_whole(stored, path):
            stored.load()
        return size


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture whose size is allowed, and turn every error of decoding it into one that names the file."""
    _check_file(path)
    with _open(path) as stored, _decoding(path, stored.size):
        yield stored


@contextmanager
def _decoding(path: Path, size: tuple[int, int]) -> Iterator[None]:
    """Refuse a picture that is too large, and turn every error of decoding it into one that names the file."""
    width, height = size
    if width * height > MAX_PIXELS:
        raise ValueError(
            f"{path}: {width} x {height} pixels are more than the limit of {MAX_PIXELS // 10**6} megapixels; "
            "shrink the photo or crop it"
        )
    try:
        with _QUIET:
            yield
    except MemoryError:
        raise _out_of_memory(path) from None
    except Exception as error:  # see `_open`
        raise _damaged(path, error) from None


def _open(path: Path) -> Image.Image:
    """Open a picture, which reads its header."""
    try:
        with without_pillow_limit(), _QUIET:
            return Image.open(path, formats=readable_formats())
    except UnidentifiedImageError:
        raise ValueError(f"{path}: {why_unreadable(path)}") from None
    except MemoryError:
        raise _out_of_memory(path) from None
    except OSError as error:
        if error.errno is None:  # of Pillow, not of the system
            raise _damaged(path, error) from None
        raise ValueError(f"{path}: cannot be opened ({error.strerror}); check the file") from None
    except Exception as error:  # on a damaged header Pillow's readers raise almost anything
        raise _damaged(path, error) from None


def _is_whole(stored: Image.Image, path: Path) -> bool:
    """Whether a file certainly ends where its picture does."""
    if stored.format == "PNG":
        return _has_chunk(path, b"IEND")
    if stored.format not in ("JPEG", "MPO"):
        return False
    with path.open("rb") as file:
        file.seek(-len(_JPEG_END), os.SEEK_END)
        return file.read() == _JPEG_END


def _has_chunk(path: Path, kind: bytes) -> bool:
    """Whether a PNG holds a chunk of a kind in full length."""
    size = path.stat().st_size
    return next((end <= size for found, end in _chunks(path) if found == kind), False)


def _chunks(path: Path) -> Iterator[tuple[bytes, int]]:
    """Kind and end of the chunks of a PNG, which are skipped without reading them."""
    size = path.stat().st_size
    with path.open("rb") as file:
        end = len(_PNG_START)
        while end + 12 <= size:  # length, kind and checksum have 4 bytes each
            file.seek(end)
            length, kind = int.from_bytes(file.read(4)), file.read(4)
            end += 12 + length
            yield kind, end


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


def _out_of_memory(path: Path) -> ValueError:
    is_png = False
    if path.is_file():
        with path.open("rb") as file:
            is_png = file.read(len(_PNG_START)) == _PNG_START
    if is_png and any(end > path.stat().st_size for _, end in _chunks(path)):  # Pillow reads it all at once
        return _damaged(path, ValueError("a chunk is longer than the file"))
    return ValueError(f"{path}: too little memory to read a photo of this size; shrink it or free memory")


class _Quiet:
    """Hides warnings, in any number of threads: those of Pillow about odd metadata help nobody.

    The filters of warnings belong to all threads: the first one here changes them, the last one restores them.
    """

    def __init__(self) -> None:
        self.lock, self.inside, self.filters = threading.Lock(), 0, warnings.catch_warnings()

    def __enter__(self) -> None:
        with self.lock:
            if self.inside == 0:
                self.filters = warnings.catch_warnings()
                self.filters.__enter__()
                warnings.simplefilter("ignore")
            self.inside += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                self.filters.__exit__(None, None, None)


_QUIET = _Quiet()


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

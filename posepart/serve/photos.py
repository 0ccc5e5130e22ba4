"""From uploaded bytes to a photo, within the limits. Nothing of an upload stays on the disk."""

import tempfile
from pathlib import Path

from posepart.arrays import Rgb
from posepart.io.photos import open_photo, photo_size
from posepart.serve.settings import MEGA, ServeConfig


class TooLarge(ValueError):
    """A photo of more bytes or pixels than allowed."""


def check_bytes(count: int, config: ServeConfig) -> None:
    """Refuse an upload of too many bytes.

    Raises
    ------
    TooLarge
    """
    if count > config.max_bytes:
        raise TooLarge(
            f"the photo has more than {config.max_bytes / MEGA:g} MB, which is the limit; compress or shrink it"
        )


def photo_of(content: bytes, config: ServeConfig) -> Rgb:
    """Decode an uploaded photo.

    Parameters
    ----------
    content : bytes
        A picture file: JPEG, PNG and so on.
    config : ServeConfig

    Returns
    -------
    (H, W, 3) uint8 RGB
        Upright.

    Raises
    ------
    TooLarge
        It has too many bytes or pixels.
    ValueError
        It is no picture, or a damaged one.
    """
    check_bytes(len(content), config)
    with tempfile.TemporaryDirectory(prefix="posepart_") as folder:
        path = Path(folder) / "photo"
        path.write_bytes(content)
        try:
            return read_within(path, config)
        except ValueError as error:
            raise type(error)(str(error).replace(str(path), "photo")) from None


def read_within(path: Path, config: ServeConfig) -> Rgb:
    """Read a photo from a file; errors as in `photo_of`, which name the file."""
    width, height = photo_size(path)
    if width * height > config.max_pixels:
        raise TooLarge(
            f"{path}: {width} x {height} pixels are more than the limit of {config.max_pixels / MEGA:g} megapixels; "
            "shrink the photo"
        )
    return open_photo(path).image

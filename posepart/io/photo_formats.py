"""Which files are photos: the formats that are read, the suffixes of their names, and how other pictures look.

Pillow's remaining readers stay out: some of them start external programs, others read icons.
"""

import functools
from collections.abc import Iterable
from pathlib import Path

from PIL import features

_SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
    "HEIF": (".heic", ".heif", ".hif"),
}
_PILLOW_FEATURES = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}
_OTHER_PICTURES = (  # also in capitals; the second line is of raw photos
    ".jxl .jps .psd .psb .xcf .svg .eps .tga .ico .icns .qoi .exr .hdr .dds .pcx .sgi .heics .avifs "
    ".dng .raw .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .raf .orf .rw2 .rwl .pef .srw .x3f .3fr .iiq "
)
_JPEG_2000 = (b"\0\0\0\x0cjP  ", b"\xffO\xffQ")
_FIRST_BYTES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"II*\0", b"MM\0*", *_JPEG_2000)
_LONGEST_START = 32  # bytes
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")


@functools.cache
def readable_formats() -> tuple[str, ...]:
    """Pillow's names of the formats that can be read in this installation."""
    return tuple(
        name
        for name in _SUFFIXES
        if (name not in _PILLOW_FEATURES or features.check(_PILLOW_FEATURES[name]))
        and (name != "HEIF" or _register_heif())
    )


def _register_heif() -> bool:
    """Let Pillow read HEIC with the optional package pi-heif; False where it is absent or does not work."""
    try:
        from pi_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def photo_suffixes() -> tuple[str, ...]:
    """The suffixes of the photos in a folder, in lower case."""
    return tuple(suffix for name in readable_formats() for suffix in _SUFFIXES[name])


def known_formats() -> str:
    """The readable formats, for an error."""
    *names, last = readable_formats()
    return f"{', '.join(names)} or {last}"


def is_other_picture(path: Path) -> bool:
    """Whether a file without one of `photo_suffixes` is a picture all the same, by its name or its first bytes."""
    suffix = path.suffix.lower()
    if (suffix and f"{suffix} " in _OTHER_PICTURES) or any(suffix in known for known in _SUFFIXES.values()):
        return True
    start = _start(path)
    webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return webp or start.startswith(_FIRST_BYTES) or _brand(start) in _HEIC_BRANDS + _AVIF_BRANDS


def how_to_read(names: Iterable[str]) -> str:
    """How to read the HEIC pictures among files that are left out, as the end of a sentence; empty without any."""
    if "HEIF" in readable_formats() or not any(name.lower().endswith(_SUFFIXES["HEIF"]) for name in names):
        return ""
    return "; what reads HEIC is installed with pip install pi-heif"


def why_unreadable(path: Path) -> str:
    """Why a file holds no picture that can be read, and what to do, as the second half of a sentence."""
    brand = _brand(_start(path))
    if brand in _HEIC_BRANDS and "HEIF" not in readable_formats():
        return "a HEIC picture; install what reads them (pip install pi-heif) or convert it to JPEG"
    if brand in _AVIF_BRANDS and "AVIF" not in readable_formats():
        return (
            "an AVIF picture, which this version of Pillow cannot read; update Pillow or convert it to JPEG"
        )
    return (
        f"not a picture that can be read (its content is not {known_formats()}, or it has no pixels); convert it or "
        "leave it out"
    )


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST_START)
    except OSError:
        return b""


def _brand(start: bytes) -> bytes:
    """The kind of a file of the family of HEIC and AVIF; empty for other files."""
    return start[8:12] if start[4:8] == b"ftyp" else b""

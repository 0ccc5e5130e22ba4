"""Small pictures in every format that posepart reads, to be damaged."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 24, 17


def _noise(shape: tuple[int, ...], dtype: type = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape).astype(dtype)


def _saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


RGB = Image.fromarray(_noise((HEIGHT, WIDTH, 3)))
GREY = RGB.convert("L")
PALETTE = RGB.quantize(16)
RGBA = Image.fromarray(_noise((HEIGHT, WIDTH, 4)))
DEEP = Image.fromarray(_noise((HEIGHT, WIDTH), np.uint16))
FLOAT = Image.fromarray(_noise((HEIGHT, WIDTH)).astype(np.float32) / 255)
BITS = GREY.convert("1")


def pictures() -> dict[str, bytes]:
    """Encoded pictures by what they are."""
    return {
        "jpeg": _saved(RGB, "JPEG", exif=_turned()),
        "jpeg progressive": _saved(RGB, "JPEG", progressive=True, quality=40),
        "jpeg grey": _saved(GREY, "JPEG"),
        "jpeg cmyk": _saved(RGB.convert("CMYK"), "JPEG"),
        "mpo": _saved(RGB, "MPO", save_all=True, append_images=[RGB]),
        "png": _saved(RGB, "PNG", exif=_turned()),
        "png palette": _saved(PALETTE, "PNG", transparency=3),
        "png alpha": _saved(RGBA, "PNG"),
        "png 16 bits": _saved(DEEP, "PNG"),
        "png 1 bit": _saved(BITS, "PNG"),
        "png animated": _saved(RGB, "PNG", save_all=True, append_images=[RGB.rotate(90)]),
        "gif": _saved(PALETTE, "GIF", transparency=2),
        "gif animated": _saved(PALETTE, "GIF", save_all=True, append_images=[RGB.rotate(90).quantize(8)]),
        "tiff": _saved(RGB, "TIFF"),
        "tiff lzw": _saved(RGB, "TIFF", compression="tiff_lzw"),
        "tiff deflate": _saved(DEEP, "TIFF", compression="tiff_adobe_deflate"),
        "tiff float": _saved(FLOAT, "TIFF"),
        "tiff group 4": _saved(BITS, "TIFF", compression="group4"),
        "tiff pages": _saved(GREY, "TIFF", save_all=True, append_images=[RGB]),
        "webp": _saved(RGB, "WEBP"),
        "webp lossless": _saved(RGBA, "WEBP", lossless=True),
        "webp animated": _saved(RGB, "WEBP", save_all=True, append_images=[RGB.rotate(180)]),
        "bmp": _saved(RGB, "BMP"),
        "bmp palette": _saved(PALETTE, "BMP"),
        "ppm": _saved(RGB, "PPM"),
        "pgm 16 bits": _saved(DEEP.convert("I"), "PPM"),
        "pnm text": f"P3\n# made by hand\n{WIDTH} {HEIGHT}\n255\n{'7 ' * (3 * WIDTH * HEIGHT)}\n".encode(),
        "pfm": b"PF\n3 2\n-1.0\n" + bytes(72),
    }

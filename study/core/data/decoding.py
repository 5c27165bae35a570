"""Picture files of any size and mode as arrays of one shape."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from hyperstudy.study.core.data.regular import regular
from hyperstudy.study.core.errors import InputError

SIXTEEN_BITS = 65535
# Pillow's other formats are rare, hold no pixels of their own, or start another program: EPS is drawn by Ghostscript.
FORMATS = {"AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP"}


@cache
def picture_formats() -> dict[str, str]:
    """The formats of pictures by the endings of their files' names, in small letters and with their dot."""
    from PIL import Image

    return {ending: kind for ending, kind in Image.registered_extensions().items() if kind in FORMATS}


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Keep Pillow's warnings, of palettes and of large pictures, off the screen. Not for threads, which share it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def read_picture(path: Path, size: tuple[int, int]) -> np.ndarray:
    """One picture file as uint8 `(3, *size)`, upright, cropped about its centre to the aspect ratio of `size`."""
    return np.asarray(fitted(open_picture(path), size)).transpose(2, 0, 1)


def open_picture(path: Path) -> Any:
    """One picture file as an RGB image of Pillow, rotated as its EXIF tag says; raises `InputError`."""
    from PIL import Image, ImageOps

    regular("picture", path)
    try:
        with Image.open(path, formats=sorted(set(picture_formats().values()))) as image:
            return as_rgb(ImageOps.exif_transpose(image))
    except Exception as error:  # Pillow raises errors of many kinds for damaged files
        raise InputError(f"picture {path} is damaged or no picture: {error}") from None


def fitted(image: Any, size: tuple[int, int]) -> Any:
    """An image of Pillow cropped about its centre and scaled to `size`, its height and width."""
    from PIL import Image, ImageOps

    return ImageOps.fit(image, (size[1], size[0]), Image.Resampling.BILINEAR)


def as_rgb(image: Any) -> Any:
    """An image of Pillow in three channels of 8 bits; raises `ValueError` for levels beyond 16 bits.

    A picture of 16 or 32 bits has its levels scaled to 0 to 255; Pillow would clip them.
    """
    from PIL import Image

    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image.convert("RGB")
    levels = np.asarray(image, dtype=float)
    if not 0 <= levels.min() <= levels.max() <= SIXTEEN_BITS:
        raise ValueError(f"levels run from {levels.min():g} to {levels.max():g}, not within 0 to {SIXTEEN_BITS}")
    most = 255 if levels.max() <= 255 and image.mode in ("I", "F") else SIXTEEN_BITS
    return Image.fromarray((levels * (255 / most)).round().astype(np.uint8)).convert("RGB")


def is_grey(pixels: np.ndarray) -> bool:
    """Whether pictures `(..., 3)` have no colour."""
    return bool((pixels[..., :1] == pixels[..., 1:]).all())

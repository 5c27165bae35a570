"""A folder of the user's own pictures, decoded once into a file in the data directory's cache.

The file's name holds a digest of the folder's path, the size that is asked for, and every picture's name, length and
time of change: a picture that is added, removed or changed gives another file. Old files may be deleted.
"""

import hashlib
import os
import re
import shutil
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from math import prod
from pathlib import Path

import numpy as np
from filelock import FileLock
from rich.console import Console
from rich.progress import Progress

from hyperstudy.study.core.data.decoding import fitted, is_grey, open_picture, quiet_pillow
from hyperstudy.study.core.data.listing import Listing, folder_at, list_folder
from hyperstudy.study.core.data.mapped import opened
from hyperstudy.study.core.data.pictures import Pictures, scaled
from hyperstudy.study.core.data.regular import regular
from hyperstudy.study.core.errors import InputError

FORMAT = 1  # of the cached files; another number makes all folders be decoded again
CHUNK = 64  # pictures that a thread decodes at once
AHEAD = 32  # chunks that wait to be written at most
# Pillow releases the interpreter's lock while it decodes: on two cores two threads read pictures of 500 pixels twice as
# fast as one, where two processes were slower; pictures of 64 pixels take 0.1 ms each, with one thread or two.
THREADS = min(8, os.cpu_count() or 1)

Shape = tuple[int, int, int]  # channels, height, width


class ShapeError(Exception):
    """A training picture does not have the shape that was assumed; `shape` fits it, too."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape


def load_folder(root: Path, location: str, train: bool, side: int) -> Pictures:
    """A user's own pictures, `PATH/{train,test}/<class>/*` or `PATH/<class>/*`; of the latter a fifth is the test set.

    Each picture is rotated as its EXIF tag says and scaled so that its shorter side is `side` pixels. Unless all
    training pictures have one aspect ratio, each is cropped to a square around its centre. Pictures are RGB, or have
    one channel if no training picture has any colour.
    """
    top = folder_at(location)
    listing = list_folder(top, root)
    path = _cached(root / "cache", top, listing, side)
    rows = listing.train if train else listing.test
    images = opened(path)[rows]
    return Pictures(images, listing.labels[rows], listing.classes, path.with_suffix(".json"))


def _cached(cache: Path, top: Path, listing: Listing, side: int) -> Path:
    """The file of the folder's decoded pictures, NumPy's npy format; it is made if it is not there.

    A file that is not finished has another name, which nobody reads and the next process to decode removes.
    """
    path = cache / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', top.resolve().name)}-{_key(top, listing, side)}.npy"
    if _is_whole(path, listing, side):
        return path
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / ".lock"):
            if not _is_whole(path, listing, side):  # another process may have made it meanwhile
                for left in cache.glob("*.partial"):
                    left.unlink()
                if others := listing.others:
                    such = f"such as {str(others[0].relative_to(top))!r}"
                    print(f"{top.name}: left out {len(others)} that are no picture files, {such}", file=sys.stderr)
                partial = path.with_suffix(".partial")
                _decode(partial, listing, side, f"decoding {top.name}")
                partial.replace(path)
    except OSError as error:
        raise InputError(
            f"decoded pictures must be written to {str(cache)!r}, which failed ({error.strerror}): "
            f"name another folder with --data-dir"
        ) from None
    return path


def _is_whole(path: Path, listing: Listing, side: int) -> bool:
    """Whether the file holds as many pictures as there are, of that size; one that was cut off is made again."""
    if not path.is_file():
        return False
    try:
        images = np.lib.format.open_memmap(path, mode="r")
    except Exception:  # NumPy raises errors of many kinds for a damaged header
        return False
    fits = images.ndim == 4 and len(images) == len(listing.files) and min(images.shape[2:]) == side
    return fits and images.dtype == np.uint8 and path.stat().st_size == images.offset + images.nbytes


def _key(top: Path, listing: Listing, side: int) -> str:
    status = [(file, regular("picture", file)) for file in listing.files]
    seen = [(str(file.relative_to(top)), at.st_size, at.st_mtime_ns) for file, at in status]
    return hashlib.sha256(repr((FORMAT, str(top.resolve()), side, seen)).encode()).hexdigest()[:16]


def _decode(path: Path, listing: Listing, side: int, title: str) -> None:
    """Write all pictures in the shape of the first; start again with another if a training picture does not fit it."""
    decides = np.zeros(len(listing.files), dtype=bool)
    decides[listing.train] = True
    with quiet_pillow():
        first = open_picture(listing.files[listing.train[0]])
        shape = (1, *scaled((first.height, first.width), side))
        while True:
            try:
                return _write(path, listing.files, decides, shape, title)
            except ShapeError as found:
                shape = found.shape


def _write(path: Path, files: list[Path], decides: np.ndarray, shape: Shape, title: str) -> None:
    size, free = len(files) * prod(shape), shutil.disk_usage(path.parent).free
    if size > free:
        raise InputError(
            f"{len(files):,} decoded pictures take {size / 2**30:.1f} GiB in {str(path.parent)!r}, where "
            f"{free / 2**30:.1f} GiB are free: make room, or name another folder with --data-dir"
        )

    def read(rows: range) -> np.ndarray:
        return np.ascontiguousarray([_shaped(files[row], shape, decides[row]) for row in rows])

    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(files), *shape)}
        np.lib.format.write_array_header_1_0(file, header)
        for pixels in in_threads(read, len(files), title):
            file.write(pixels.data)
        file.flush()
        os.fsync(file.fileno())


def _shaped(path: Path, shape: Shape, decides: bool) -> np.ndarray:
    """One picture as uint8 in the shape; raises `ShapeError` if it decides on the shape and does not fit."""
    channels, height, width = shape
    size = height, width
    image = open_picture(path)
    side = min(height, width)
    if decides and size != (side, side) and scaled((image.height, image.width), side) != size:
        raise ShapeError((channels, side, side))
    image = fitted(image, size)
    if channels == 3:
        return np.asarray(image).transpose(2, 0, 1)
    if decides and not is_grey(np.asarray(image)):
        raise ShapeError((3, height, width))
    return np.asarray(image.convert("L"))[None]  # the luminance: of grey, that grey


def in_threads(task: Callable[[range], np.ndarray], count: int, title: str) -> Iterator[np.ndarray]:
    """What `task` returns for one run of rows after another, in order, with a bar on standard error in a terminal."""
    console = Console(stderr=True)
    runs = (range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK))
    threads = ThreadPoolExecutor(THREADS)
    waiting = deque(threads.submit(task, run) for run in islice(runs, AHEAD))
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            shown = bar.add_task(title, total=count)
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(threads.submit(task, run) for run in islice(runs, 1))
                yield result
                bar.advance(shown, len(result))
    finally:
        threads.shutdown(cancel_futures=True)

"""Training, validation and test pictures as tensors.

Validation is a stratified fifth of the training pictures, the same for every study. The test pictures are a separate
call, which only confirmation and published recipes make.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hyperstudy.study.core.data.datasets import source
from hyperstudy.study.core.data.mapped import CHUNK, Mapped
from hyperstudy.study.core.data.pictures import Pictures, cut, scaled
from hyperstudy.study.core.errors import InputError

VALIDATION_FRACTION = 0.2
LEVELS = 255  # of a pixel in uint8, above black; floats have one
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601


class Part(NamedTuple):
    images: Tensor | Mapped  # (N, C, H, W), uint8 or float32
    labels: Tensor  # int64 (N,)

    def to(self, device: torch.device) -> "Part":
        return Part(self.images.to(device), self.labels.to(device))

    def first(self, count: int) -> "Part":
        """The first pictures, in memory."""
        rows = torch.arange(min(count, len(self.labels)))
        return Part(self.images.index_select(0, rows), self.labels[rows])

    def resized(self, side: int) -> "Part":
        """The pictures with a shorter side of `side` pixels, bilinear, antialiased; unchanged if they have that."""
        size = scaled(self.images.shape[-2:], side)
        return self if self.images.shape[-2:] == size else self._each(partial(_resize, size=size))

    def framed(self, side: int, border: int) -> "Part":
        """The pictures with a black border of `border` pixels around them, resized to a shorter side of `side`."""
        return (self._each(partial(_surround, border=border)) if border else self).resized(side)

    def with_channels(self, channels: int) -> "Part":
        """The pictures in one channel, their luminance, or in three; unchanged if they have these."""
        change = _recolouring(self.images.shape[1], channels)
        return self._each(change) if change else self

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Part":
        """The pictures changed chunk by chunk; those in a file are changed whenever they are read."""
        if isinstance(self.images, Mapped):
            return self._replace(images=self.images.then(change))
        return self._replace(images=torch.cat([change(chunk) for chunk in self.images.split(CHUNK)]))


def framed_shape(shape: tuple[int, ...], side: int, border: int) -> tuple[int, int, int]:
    """The shape `(C, H, W)` that `Part.framed` gives pictures of this shape."""
    channels, *size = shape
    height, width = scaled([length + 2 * border for length in size], side)
    return channels, height, width


def _resize(images: Tensor, size: tuple[int, int]) -> Tensor:
    return _as(images.dtype, functional.interpolate(images.float(), size, mode="bilinear", antialias=True))


def _surround(images: Tensor, border: int) -> Tensor:
    return functional.pad(images, (border,) * 4)


def in_channels(images: Tensor, channels: int) -> Tensor:
    """Pictures in one channel, their luminance, or in three; unchanged if they have these. Raises `InputError`."""
    change = _recolouring(images.shape[1], channels)
    return change(images) if change else images


def _recolouring(found: int, channels: int) -> Callable[[Tensor], Tensor] | None:
    """What gives pictures of so many channels other ones; None if they have these. Raises `InputError`."""
    if found == channels:
        return None
    if {found, channels} != {1, 3}:
        raise InputError(f"pictures must have {channels} channels, as those that were trained on; got {found}")
    return _grey if channels == 1 else _tripled


def _grey(images: Tensor) -> Tensor:
    weights = torch.tensor(LUMINANCE, device=images.device).view(1, 3, 1, 1)
    return _as(images.dtype, (images * weights).sum(1, keepdim=True))


def _tripled(images: Tensor) -> Tensor:
    return images.repeat(1, 3, 1, 1)


def _as(dtype: torch.dtype, images: Tensor) -> Tensor:
    """Float levels as a picture of this type has them."""
    return images.round_().clamp_(0, LEVELS).to(dtype) if dtype is torch.uint8 else images


def drawable(images: Tensor) -> Tensor:
    """Pictures `(N, C, H, W)` as uint8 in one channel or in three, the first ones if they have more."""
    shown = images[:, : 3 if images.shape[1] >= 3 else 1]
    return shown if shown.dtype is torch.uint8 else _as(torch.uint8, shown * LEVELS)


class Splits(NamedTuple):
    """The pictures of a study. `mean` and `std` `(C, 1, 1)` are those of the training pixels.

    `test` is None while trials are chosen: only confirmation reads the test pictures.
    """

    train: Part
    val: Part
    classes: tuple[str, ...]
    mean: Tensor
    std: Tensor
    digest: str
    test: Part | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    @property
    def white(self) -> int:
        """The level of a white pixel."""
        return LEVELS if self.train.images.dtype is torch.uint8 else 1

    def to(self, device: torch.device) -> "Splits":
        moved = self._each_part(lambda part: part.to(device))
        return moved._replace(mean=self.mean.to(device), std=self.std.to(device))

    def framed(self, side: int, border: int) -> "Splits":
        return self._replace(train=self.train.framed(side, border), val=self.val.framed(side, border))

    def _each_part(self, change: Callable[[Part], Part]) -> "Splits":
        test = None if self.test is None else change(self.test)
        return self._replace(train=change(self.train), val=change(self.val), test=test)


def load_splits(dataset: str, root: Path, side: int) -> Splits:
    """Training and validation pictures; raises `InputError` for data that cannot be read.

    `side` is the size at which a folder of pictures is read; other data sets come in their own.
    """
    pictures = _read(dataset, root, True, side)
    train, val = cut(pictures.labels, VALIDATION_FRACTION, pictures.classes)
    return _splits(pictures, train, _part(pictures, val))


def load_published(dataset: str, root: Path, side: int) -> Splits:
    """All training pictures, and the test pictures where validation stands, as published recipes split their data.

    For configurations that are fixed beforehand: choosing by these figures would be choosing by the test set.
    """
    pictures = _read(dataset, root, True, side)
    test = load_test(dataset, root, side).with_channels(pictures.images.shape[1])
    return _splits(pictures, slice(None), test)


def load_test(dataset: str, root: Path, side: int) -> Part:
    """The test pictures. Only confirmation and published recipes call this."""
    return _part(_read(dataset, root, False, side), slice(None))


def _read(dataset: str, root: Path, train: bool, side: int) -> Pictures:
    row, location = source(dataset)
    try:
        return row.load(root, location, train, side)
    except OSError as error:
        raise InputError(f"data {str(error.filename)!r} cannot be read: {error.strerror}") from None


def _splits(pictures: Pictures, rows: np.ndarray | slice, val: Part) -> Splits:
    train, whole = _part(pictures, rows), _part(pictures, slice(None))
    numbers = np.arange(len(pictures.labels))[rows]
    columns = _once(pictures.facts, "mean and std", numbers, lambda: mean_and_std(train.images))
    digest = _once(pictures.facts, "digest", pictures.classes, lambda: digest_of(*whole, pictures.classes))
    mean, std = (torch.tensor(column).view(-1, 1, 1) for column in columns)
    darkest = 1.0 if train.images.dtype is torch.uint8 else 1 / LEVELS
    return Splits(train, val, pictures.classes, mean, std.clamp(min=darkest), digest)


def _part(pictures: Pictures, rows: np.ndarray | slice) -> Part:
    images = pictures.images if isinstance(pictures.images, Mapped) else torch.from_numpy(pictures.images)
    return Part(images[rows], torch.from_numpy(pictures.labels)[rows])


def _once(facts: Path | None, name: str, of: object, compute: Callable[[], Any]) -> Any:
    """What `compute` returns, from the JSON file `facts` if an earlier start has kept it there."""
    if facts is None:
        return compute()
    key = f"{name} {hashlib.sha256(of.data if isinstance(of, np.ndarray) else repr(of).encode()).hexdigest()[:16]}"
    try:
        kept = json.loads(facts.read_text())
    except (OSError, ValueError):  # it is not there yet, or is damaged
        kept = {}
    if not isinstance(kept, dict):
        kept = {}
    if key not in kept:
        kept[key] = compute()
        with suppress(OSError):  # where nothing can be written, the next start computes it again
            new = facts.with_suffix(".new")
            new.write_text(json.dumps(kept))
            new.replace(facts)
    return kept[key]


def mean_and_std(images: Tensor | Mapped) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of the pixels of each channel."""
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for chunk in images.split(CHUNK // 8):
        pixels = chunk.double()
        count += pixels[:, 0].numel()
        total = total + pixels.sum((0, 2, 3))
        squares = squares + pixels.square_().sum((0, 2, 3))
    mean = total / count
    variance = (squares - count * mean**2).clamp(min=0) / max(count - 1, 1)
    return mean.float().tolist(), variance.sqrt().float().tolist()


def digest_of(images: Tensor | Mapped, labels: Tensor, classes: tuple[str, ...]) -> str:
    """16 hexadecimal digits that change with any pixel, label or class name."""
    digest = hashlib.sha256(repr((tuple(images.shape), classes)).encode())
    for chunk in images.split(CHUNK):
        digest.update(chunk.contiguous().numpy().data)
    digest.update(labels.numpy().data)
    return digest.hexdigest()[:16]


SCALINGS: dict[
    str, Callable[[Splits], tuple[Tensor, Tensor]]
] = {  # what is subtracted from a pixel, and what divides the result
    "standardised": lambda splits: (splits.mean, splits.std),
    "unit": lambda splits: (torch.zeros_like(splits.mean), torch.full_like(splits.std, splits.white)),  # to [0, 1]
    "symmetric": lambda splits: (torch.full_like(splits.mean, splits.white / 2),) * 2,
}

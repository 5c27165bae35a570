"""Training, validation and test pictures as tensors.

Validation is a stratified fifth of the training pictures, the same for every study. The test pictures are a separate
call, which only confirmation and published recipes make.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from hyperstudy.study.core.datasets import Pictures, cut, source
from hyperstudy.study.core.errors import InputError
from torch import Tensor
from torch.nn import functional

VALIDATION_FRACTION = 0.2
LEVELS = 255  # of a pixel, above black
RESIZE_CHUNK = 1024  # pictures; bounds the floats that resizing holds at once


class Part(NamedTuple):
    images: Tensor  # uint8 (N, C, H, W)
    labels: Tensor  # int64 (N,)

    def to(self, device: torch.device) -> "Part":
        return Part(self.images.to(device), self.labels.to(device))

    def first(self, count: int) -> "Part":
        return Part(self.images[:count], self.labels[:count])

    def resized(self, side: int) -> "Part":
        """The pictures at `side` x `side` pixels, bilinear, antialiased; the same tensors if they have that size."""
        if self.images.shape[-2:] == (side, side):
            return self
        chunks = [
            functional.interpolate(chunk.float(), (side, side), mode="bilinear", antialias=True)
            for chunk in self.images.split(RESIZE_CHUNK)
        ]
        return Part(torch.cat([chunk.round_().clamp_(0, 255).to(torch.uint8) for chunk in chunks]), self.labels)

    def framed(self, side: int, border: int) -> "Part":
        """The pictures, with a black border of `border` pixels around them, at `side` x `side` pixels."""
        images = functional.pad(self.images, (border,) * 4) if border else self.images
        return Part(images, self.labels).resized(side)

    def with_channels(self, channels: int) -> "Part":
        """The pictures in one channel (their luminance, ITU-R BT.601) or in three; unchanged if they have these."""
        if self.images.shape[1] == channels:
            return self
        if channels == 3:
            return Part(self.images.repeat(1, 3, 1, 1), self.labels)
        weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
        return Part((self.images * weights).sum(1, keepdim=True).round_().to(torch.uint8), self.labels)

    def shared(self) -> "Part":
        """The same tensors in memory that other processes can map."""
        for tensor in self:
            tensor.share_memory_()
        return self


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
    def chance(self) -> float:
        """The validation accuracy of always predicting the most common class."""
        return self.val.labels.bincount().max().item() / len(self.val.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        return tuple(self.train.images.shape[1:])

    def to(self, device: torch.device) -> "Splits":
        moved = self._each_part(lambda part: part.to(device))
        return moved._replace(mean=self.mean.to(device), std=self.std.to(device))

    def framed(self, side: int, border: int) -> "Splits":
        return self._replace(train=self.train.framed(side, border), val=self.val.framed(side, border))

    def shared(self) -> "Splits":
        """The same tensors in memory that other processes can map."""
        self.mean.share_memory_()
        self.std.share_memory_()
        return self._each_part(Part.shared)

    def _each_part(self, change: Callable[[Part], Part]) -> "Splits":
        test = None if self.test is None else change(self.test)
        return self._replace(train=change(self.train), val=change(self.val), test=test)


def load_splits(dataset: str, root: Path, side: int) -> Splits:
    """Training and validation pictures; raises `InputError` for data that cannot be read.

    `side` is the size at which a folder of pictures is read; other data sets come in their own.
    """
    pictures = _read(dataset, root, True, side)
    train, val = (
        _part(pictures, torch.from_numpy(rows)) for rows in cut(pictures.labels, VALIDATION_FRACTION, pictures.classes)
    )
    return _splits(pictures, train, val)


def load_published(dataset: str, root: Path, side: int) -> Splits:
    """All training pictures, and the test pictures where validation stands, as published recipes split their data.

    For configurations that are fixed beforehand: choosing by these figures would be choosing by the test set.
    """
    pictures = _read(dataset, root, True, side)
    train = Part(torch.from_numpy(pictures.images), torch.from_numpy(pictures.labels))
    return _splits(pictures, train, load_test(dataset, root, side).with_channels(train.images.shape[1]))


def _splits(pictures: Pictures, train: Part, val: Part) -> Splits:
    statistics = [torch.std_mean(train.images[:, channel].float()) for channel in range(train.images.shape[1])]
    std, mean = (torch.stack(column).view(-1, 1, 1) for column in zip(*statistics, strict=True))
    digest = digest_of(pictures.images, pictures.labels, pictures.classes)
    return Splits(train, val, pictures.classes, mean, std.clamp(min=1.0), digest)


def load_test(dataset: str, root: Path, side: int) -> Part:
    """The test pictures. Only confirmation and published recipes call this."""
    pictures = _read(dataset, root, False, side)
    return Part(torch.from_numpy(pictures.images), torch.from_numpy(pictures.labels))


def _read(dataset: str, root: Path, train: bool, side: int) -> Pictures:
    row, location = source(dataset)
    try:
        return row.load(root, location, train, side)
    except OSError as error:
        raise InputError(f"data {str(error.filename)!r} cannot be read: {error.strerror}") from None


def _part(pictures: Pictures, rows: Tensor) -> Part:
    return Part(torch.from_numpy(pictures.images)[rows], torch.from_numpy(pictures.labels)[rows])


def digest_of(images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> str:
    """16 hexadecimal digits that change with any pixel, label or class name."""
    digest = hashlib.sha256(repr((images.shape, classes)).encode())
    digest.update(images)
    digest.update(labels)
    return digest.hexdigest()[:16]


SCALINGS: dict[
    str, Callable[[Splits], tuple[Tensor, Tensor]]
] = {  # what is subtracted from a pixel, and what divides the result
    "standardised": lambda splits: (splits.mean, splits.std),
    "unit": lambda splits: (torch.zeros_like(splits.mean), torch.full_like(splits.std, LEVELS)),  # to [0, 1]
    "symmetric": lambda splits: (torch.full_like(splits.mean, LEVELS / 2), torch.full_like(splits.std, LEVELS / 2)),
}

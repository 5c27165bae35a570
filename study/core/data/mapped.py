"""Pictures in a file, of which no more than a batch is in memory."""

import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

CHUNK = 1024  # pictures that are read at once
CPU = torch.device("cpu")


class FileArray(NamedTuple):
    """Where an array lies in a file: strides and offset in bytes."""

    path: Path
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int

    def open(self) -> np.ndarray:
        """The array, mapped and read-only."""
        bytes_ = np.memmap(self.path, np.uint8, "r")
        return np.ndarray(self.shape, self.dtype, buffer=bytes_, offset=self.offset, strides=self.strides)


@dataclass(frozen=True, eq=False)
class Mapped:
    """Pictures `(N, C, H, W)` in a file, in the place of a tensor: uint8, or floats, which are read as float32.

    `rows` says which of the file's pictures these are, and each of `steps` what is done to a batch that was read. It
    travels to another process as the file's name, so all share the pages that the system keeps in memory.
    """

    file: FileArray
    rows: Tensor  # int64 (N,)
    steps: tuple[Callable[[Tensor], Tensor], ...] = ()
    device: torch.device = CPU  # of the batches

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, field.name) for field in fields(self))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> "Mapped":
        """These rows alone, still in the file."""
        return replace(self, rows=self.rows[rows])

    @cached_property
    def _array(self) -> np.ndarray:
        return self.file.open()

    @cached_property
    def _first(self) -> Tensor:
        return self.index_select(0, torch.zeros(1, dtype=torch.int64))

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *self._first.shape[1:])

    @property
    def dtype(self) -> torch.dtype:
        return self._first.dtype

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """The pictures at `index`, read from the file; `dim` must be 0."""
        assert dim == 0
        batch = self._array[self.rows[index.cpu()].numpy()]
        pixels = batch if batch.dtype == np.uint8 else batch.astype(np.float32)
        images = torch.from_numpy(pixels).to(self.device)
        for step in self.steps:
            images = step(images)
        return images

    def split(self, count: int) -> Iterator[Tensor]:
        """All pictures in their order, `count` at a time."""
        return (self.index_select(0, index) for index in torch.arange(len(self)).split(count))

    def then(self, step: Callable[[Tensor], Tensor]) -> "Mapped":
        """The pictures with one more step done to each batch that is read."""
        return replace(self, steps=(*self.steps, step))

    def to(self, device: torch.device) -> "Mapped | Tensor":
        """A tensor on the device if that takes at most a third of its free memory; else read batch by batch."""
        moved = replace(self, device=device)
        size = prod(self.shape) * self.dtype.itemsize
        if device.type != "cuda" or 3 * size > torch.cuda.mem_get_info(device)[0]:
            return moved
        return torch.cat(list(moved.split(CHUNK)))


def mapped(array: np.ndarray) -> Mapped | None:
    """The pictures of an array that is a view of a memory-mapped file, however sliced; None for one in memory."""
    root: Any = array
    while isinstance(root, np.ndarray) and not (isinstance(root, np.memmap) and isinstance(root.base, mmap.mmap)):
        root = root.base
    if not isinstance(root, np.memmap) or root.filename is None or root.mode == "c":  # changes to a copy are not in it
        return None
    return _view(array, root)


def opened(path: Path) -> Mapped:
    """The pictures of a file in NumPy's npy format."""
    array = np.lib.format.open_memmap(path, mode="r")
    return _view(array, array)


def _view(array: np.ndarray, root: Any) -> Mapped:
    """The pictures of an array that is a view of the memory-mapped `root`."""
    offset = root.offset + array.ctypes.data - root.ctypes.data
    file = FileArray(Path(root.filename), array.dtype.str, array.shape, array.strides, offset)
    return Mapped(file, torch.arange(len(array)))

"""A task as bytes and arrays, which the processes of a machine can share."""

import io
import math
import pickle
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from hyperstudy.study.core.data.mapped import CHUNK, Mapped
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.temporary import temporary_files
from hyperstudy.study.tasks.task import Task

GIGABYTE = 1e9


class Parcel(NamedTuple):
    """`arrays` are the task's tensors, `rest` is all else, pickled."""

    rest: bytes
    arrays: list[np.ndarray]


class Stored(NamedTuple):
    """A parcel whose arrays lie in a folder, for processes of one machine."""

    rest: bytes
    files: list[str]


class _Packer(pickle.Pickler):
    """A pickler that puts tensors aside, and reads pictures that lie in a file unless they `stay` there."""

    def __init__(self, file: io.BytesIO, most: float, stay: bool) -> None:
        super().__init__(file)
        self.arrays: list[np.ndarray] = []
        self._most = most  # bytes that are left
        self._numbers: dict[int, int] = {}  # of arrays, by the identity of what they hold
        self._kinds: tuple[type[Tensor] | type[Mapped], ...] = (Tensor,) if stay else (Tensor, Mapped)

    def persistent_id(self, value: Any) -> int | None:
        if not isinstance(value, self._kinds):
            return None
        if id(value) not in self._numbers:
            self._most -= math.prod(value.shape) * value.dtype.itemsize
            if self._most < 0:
                raise MemoryError
            tensor = torch.cat(list(value.split(CHUNK))) if isinstance(value, Mapped) else value
            self._numbers[id(value)] = len(self.arrays)
            self.arrays.append(tensor.contiguous().numpy())
        return self._numbers[id(value)]


class _Unpacker(pickle.Unpickler):
    """A pickler's counterpart that gets the tensors from elsewhere."""

    def __init__(self, parcel: Parcel) -> None:
        super().__init__(io.BytesIO(parcel.rest))
        self._tensors = [_tensor(array) for array in parcel.arrays]

    def persistent_load(self, number: int) -> Tensor:
        return self._tensors[number]


def packed(task: Task, most: float, stay: bool = False) -> Parcel:
    """The task, its tensors uncopied where they lie in memory; raises `InputError` beyond `most` bytes of them.
    Pictures in a file `stay` there for who can read it."""
    file = io.BytesIO()
    packer = _Packer(file, most, stay)
    try:
        packer.dump(task)
    except MemoryError:
        raise InputError(
            f"the data must fit into the object store of every machine of the cluster; they take more than the "
            f"{most / GIGABYTE:.2g} GB of the smallest: give it more with ray start --object-store-memory BYTES"
        ) from None
    return Parcel(file.getvalue(), packer.arrays)


def unpacked(parcel: Parcel) -> Task:
    """The task that was packed. Its pictures lie in the arrays, which are often read-only; labels are copied, since
    they are small and a user's own metrics are given them."""
    return _Unpacker(parcel).load()


def stored(task: Task, folder: Path) -> Stored:
    """The task, its tensors in files of the folder, which other processes of this machine map. Raises as
    `temporary_files` does."""
    rest, arrays = packed(task, math.inf, stay=True)
    files = [f"{folder}/{number}.npy" for number in range(len(arrays))]
    with temporary_files():
        for file, array in zip(files, arrays, strict=True):
            np.save(file, array)
    return Stored(rest, files)


def fetched(parcel: Stored) -> Task:
    """The task that was stored, its pictures mapped from their files."""
    return unpacked(Parcel(parcel.rest, [np.load(file, mmap_mode="r") for file in parcel.files]))


def _tensor(array: np.ndarray) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="The given NumPy array is not writ"
        )  # training writes into no picture
        return torch.from_numpy(array.copy() if array.ndim == 1 else array)

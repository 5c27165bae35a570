"""What a data set gives: its pictures, their labels, and the cut into two parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hyperstudy.study.core.data.mapped import Mapped
from hyperstudy.study.core.errors import InputError

TEST_FRACTION = 0.2  # of a data set without a test set
CUT_SEED = 0
WITH_TEST = 3  # pictures of a class at least, where the test pictures are cut off, too


class Pictures(NamedTuple):
    """Training or test pictures. What is computed of all of them may be kept in the JSON file `facts`."""

    images: np.ndarray | Mapped  # (N, C, H, W), uint8 or float32
    labels: np.ndarray  # int64 (N,)
    classes: tuple[str, ...]
    facts: Path | None = None


@dataclass(frozen=True)
class Source:
    """A row of `DATASETS`: its loader, and the length of its pictures' shorter side in pixels.

    `load(root, location, train, side)` returns the training or the test pictures. `root` is the data directory,
    `location` what follows the colon in `folder:PATH`, and `side` is used only where pictures have many sizes. A
    `size` that is a function is asked only where a configuration names no size.
    """

    load: Callable[[Path, str, bool, int], Pictures]
    size: int | Callable[[], int]

    @property
    def side(self) -> int:
        return self.size() if callable(self.size) else self.size


def scaled(size: Sequence[int], side: int) -> tuple[int, int]:
    """Height and width of a picture whose shorter side becomes `side` pixels; the aspect ratio is kept."""
    shorter = min(size)
    height, width = (max(1, round(length * side / shorter)) for length in size)
    return height, width


def cut(labels: np.ndarray, fraction: float, classes: tuple[str, ...], least: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Indices of a stratified split `(rest, fraction)`, where the latter has at least as many pictures as there are
    classes. It depends on the labels alone, not on a study's seed.

    Raises `InputError` if a class has fewer than `least` pictures, or if there is one class.
    """
    from sklearn.model_selection import train_test_split  # takes 1 s to import

    present, counts = np.unique(labels, return_counts=True)
    if len(present) < 2:
        found = f"all {len(labels)} are of class {classes[present[0]]!r}" if len(present) else "got none"
        raise InputError(f"there must be pictures of two classes or more; {found}")
    if counts.min() < least:
        parts = "training, validation and test pictures" if least > 2 else "training and validation pictures"
        raise InputError(
            f"every class must have {least} pictures or more, to be split into {parts}; "
            f"class {classes[present[counts.argmin()]]!r} has {counts.min()}"
        )
    size = max(ceil(fraction * len(labels)), len(present))
    return train_test_split(np.arange(len(labels)), test_size=size, stratify=labels, random_state=CUT_SEED)

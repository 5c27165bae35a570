"""What a data set gives: its pictures, their labels, and the cut into two parts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hyperstudy.study.core.data.mapped import Mapped
from hyperstudy.study.core.errors import InputError

TEST_FRACTION = 0.2  # of a data set without a test set
CUT_SEED = 0


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


def scaled(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Height and width of a picture whose shorter side becomes `side` pixels; the aspect ratio is kept."""
    shorter = min(size)
    height, width = (max(1, round(length * side / shorter)) for length in size)
    return height, width


def cut(labels: np.ndarray, fraction: float, classes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Indices of a stratified split `(rest, fraction)`. It depends on the labels alone, not on a study's seed."""
    from sklearn.model_selection import train_test_split  # takes 1 s to import

    try:
        return train_test_split(np.arange(len(labels)), test_size=fraction, stratify=labels, random_state=CUT_SEED)
    except ValueError:
        counts = np.bincount(labels, minlength=len(classes))
        fewest = int(counts.argmin())
        raise InputError(
            f"every class must have enough pictures to be split in two, about 5 or more; "
            f"class {classes[fewest]!r} has {counts[fewest]}"
        ) from None

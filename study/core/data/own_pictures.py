"""Data sets of the user's own, as rows of `DATASETS`: arrays, files mapped into memory, and data sets of pictures."""

from collections.abc import Hashable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hyperstudy.study.core.data.given import Labelled, read_given
from hyperstudy.study.core.data.mapped import mapped
from hyperstudy.study.core.data.pictures import TEST_FRACTION, WITH_TEST, Pictures, Source, cut
from hyperstudy.study.core.errors import InputError, not_one_of
from hyperstudy.study.core.text import is_text, shortened


def pictures(train: Any, test: Any = None, classes: Sequence[Any] | None = None) -> Source:
    """A row of `DATASETS` for pictures of the user's own: `DATASETS["scans"] = pictures((images, labels))`.

    `train` and `test` are each one of these, or a function without arguments that returns one and is called only when
    the pictures are needed. Workers import the user's file, too, and never need them.

    - a pair `(images, labels)`: NumPy arrays, memory-mapped or not, or tensors. Images are `(N, H, W)`, `(N, C, H, W)`
      or `(N, H, W, C)`: the shorter of the second and the last axis holds the channels.
    - a data set whose items are pairs `(picture, label)`, as torchvision's, or mappings with `image` and `label`, as
      Hugging Face's. Pictures are Pillow's, tensors or arrays, all of one size. They are read into memory.

    Without `test` a stratified fifth of `train` is cut off. Labels are whole numbers or names. `classes` names the
    classes in order; by default the data set's own names are taken, or the labels in their order.

    Pixels are uint8, from 0 to 255, or floats, where 1 stands for white; the latter are kept as float32. Any other
    type is refused: a conversion could lose levels. Memory-mapped images stay in their file, which every worker opens
    by its name. Raises `InputError`, when the pictures are read, for what cannot be used.
    """
    own = _Own(train, test, classes)
    return Source(own.load, own.side)


class _Own:
    """A data set of the user's own, read when it is first needed."""

    def __init__(self, train: Any, test: Any, classes: Sequence[Any] | None) -> None:
        self._given, self._classes = {"training": train, "test": test}, classes

    def load(self, root: Path, location: str, train: bool, side: int) -> Pictures:
        images, labels, _ = self._train
        rows: Any = slice(None)
        if self._given["test"] is None:
            rows = cut(self._encoded(labels, "training"), TEST_FRACTION, self._names, WITH_TEST)[0 if train else 1]
        elif not train:
            images, labels, _ = self._test
        encoded = self._encoded(labels, "training" if train else "test")[rows]
        if (in_file := mapped(images)) is not None:
            return Pictures(in_file[rows], encoded, self._names)
        kept = images if images.dtype == np.uint8 else images.astype(np.float32)
        return Pictures(np.ascontiguousarray(kept[rows]), encoded, self._names)

    def side(self) -> int:
        return min(self._train.images.shape[2:])

    @cached_property
    def _train(self) -> Labelled:
        return read_given(self._given["training"], "training")

    @cached_property
    def _test(self) -> Labelled:
        found, expected = read_given(self._given["test"], "test"), self._train.images.shape[1:]
        shape = found.images.shape[1:]
        if shape[1:] != expected[1:] or (shape[0] != expected[0] and {shape[0], expected[0]} != {1, 3}):
            raise InputError(f"test pictures must have the training pictures' shape, {expected}; got {shape}")
        if (found.images.dtype == np.uint8) != (self._train.images.dtype == np.uint8):
            kinds = f"{self._train.images.dtype} and {found.images.dtype}"
            raise InputError(f"training and test pictures must both be uint8 or both be floats; got {kinds}")
        return found

    @cached_property
    def _given_names(self) -> Sequence[Any] | None:
        names = self._train.names if self._classes is None else self._classes
        if names is None:
            return None
        if not isinstance(names, Iterable) or not all(isinstance(name, str | int) for name in names):
            raise InputError(f"classes must be a list of names; got {shortened(str(names))}")
        return list(names)

    @cached_property
    def _places(self) -> dict[Hashable, int]:
        """The class index of each label."""
        if (names := self._given_names) is not None:
            return {
                **{place: place for place in range(len(names))},
                **{name: place for place, name in enumerate(names)},
            }
        distinct = set(self._train.labels)
        whole = all(isinstance(label, int) for label in distinct)
        return {label: place for place, label in enumerate(sorted(distinct, key=None if whole else str))}

    @cached_property
    def _names(self) -> tuple[str, ...]:
        found = tuple(map(str, self._places if self._given_names is None else self._given_names))
        if len(found) < 2:
            raise InputError(f"a data set must have two classes or more; got {', '.join(found) or 'none'}")
        if odd := [name for name in found if not is_text(name)]:
            raise InputError(f"names of classes must be UTF-8; got {odd[0]!r}")
        return found

    def _encoded(self, labels: list[Any], part: str) -> np.ndarray:
        """Class indices, int64 `(N,)`."""
        names = self._names
        for row, label in enumerate(labels):
            if label not in self._places:
                raise not_one_of(f"label of {part} picture {row}", label, names)
        return np.array([self._places[label] for label in labels], dtype=np.int64)

"""Data sets of the user's own, as rows of `DATASETS`: arrays, files mapped into memory, and data sets of pictures."""

from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from hyperstudy.study.core.data.decoding import as_rgb, is_grey
from hyperstudy.study.core.data.mapped import CHUNK, mapped
from hyperstudy.study.core.data.pictures import TEST_FRACTION, WITH_TEST, Pictures, Source, cut
from hyperstudy.study.core.errors import InputError, not_one_of

ACCEPTED = "a pair (images, labels), a data set of pictures with a length and items, or a function that returns one"


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


class Labelled(NamedTuple):
    """Pictures of the user's own, as they were given: `(N, C, H, W)`, their labels, and the names that they came with.

    `labels` are Python's own numbers and text.
    """

    images: np.ndarray
    labels: list[Any]
    names: Sequence[Any] | None = None


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
        return _read(self._given["training"], "training")

    @cached_property
    def _test(self) -> Labelled:
        found, expected = _read(self._given["test"], "test"), self._train.images.shape[1:]
        shape = found.images.shape[1:]
        if shape[1:] != expected[1:] or (shape[0] != expected[0] and {shape[0], expected[0]} != {1, 3}):
            raise InputError(f"test pictures must have the training pictures' shape, {expected}; got {shape}")
        return found

    @property
    def _given_names(self) -> Sequence[Any] | None:
        return self._train.names if self._classes is None else self._classes

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
        return found

    def _encoded(self, labels: list[Any], part: str) -> np.ndarray:
        """Class indices, int64 `(N,)`."""
        names = self._names
        for row, label in enumerate(labels):
            if label not in self._places:
                raise not_one_of(f"label of {part} picture {row}", label, names)
        return np.array([self._places[label] for label in labels], dtype=np.int64)


def _read(given: Any, part: str) -> Labelled:
    """Checked pictures and labels of what the user gave."""
    data = given() if callable(given) and not hasattr(given, "__getitem__") else given
    if isinstance(data, tuple | list) and len(data) == 2 and hasattr(data[0], "shape"):
        found = Labelled(_array(data[0]), _values(data[1]))
    elif hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, str | bytes | Mapping):
        found = _items(data, part)
    else:
        raise InputError(f"{part} data must be {ACCEPTED}; got {type(data).__name__}")
    if len(found.images) != len(found.labels):
        raise InputError(f"{part} data must have a label per picture; got {len(found.images)} and {len(found.labels)}")
    if not found.labels:
        raise InputError(f"{part} data must hold pictures; got none")
    for row, label in enumerate(found.labels):
        _check_label(label, f"label of {part} picture {row}")
    images = _channels_first(found.images, part)
    _check_pixels(images, part)
    return found._replace(images=images)


def _array(images: Any) -> np.ndarray:
    if not isinstance(images, torch.Tensor):
        return images
    return (images.float() if images.is_floating_point() else images).detach().cpu().numpy()


def _values(labels: Any) -> list[Any]:
    """Labels as Python's own numbers and text, from a list, an array or a tensor."""
    listed = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    return [label.item() if hasattr(label, "item") else label for label in listed]


def _check_label(label: Any, what: str) -> None:
    if isinstance(label, float) or not isinstance(label, Hashable):
        raise InputError(f"{what} must be a whole number or a name; got {label}")
    if isinstance(label, int) and label < 0:
        raise InputError(f"{what} must be 0 or more; got {label}")


def _channels_first(images: np.ndarray, part: str) -> np.ndarray:
    """A view `(N, C, H, W)`."""
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise InputError(
            f"{part} images must be uint8 (0 to 255) or floats (0 to 1) of one size; got {images.dtype}: "
            f"convert them, for example with images.astype('uint8')"
        )
    if images.ndim == 3:
        return images[:, None]
    if images.ndim != 4 or 0 in images.shape:
        raise InputError(f"{part} images must be (N, H, W), (N, C, H, W) or (N, H, W, C); got shape {images.shape}")
    return images if images.shape[1] <= images.shape[3] else np.moveaxis(images, 3, 1)


def _check_pixels(images: np.ndarray, part: str) -> None:
    if images.dtype == np.uint8:
        return
    for start in range(0, len(images), CHUNK):
        whole = np.isfinite(images[start : start + CHUNK]).all((1, 2, 3))
        if not whole.all():
            raise InputError(f"pixels must be finite numbers; {part} picture {start + int(whole.argmin())} has another")


def _items(data: Any, part: str) -> Labelled:
    """The pictures and labels of a data set with items, in one array."""
    from PIL import Image

    images, labels, decoded = np.empty(0), [], False
    console = Console(stderr=True)
    title = f"reading {part} pictures"
    for row in track(range(len(data)), title, console=console, transient=True, disable=not console.is_terminal):
        picture, label = _item(data, row, part)
        decoded = isinstance(picture, Image.Image)
        try:
            pixels = np.asarray(as_rgb(picture) if decoded else _array(picture))
        except ValueError as error:
            raise InputError(f"{part} picture {row} cannot be used: {error}") from None
        if not row:
            images = np.empty((len(data), *pixels.shape), pixels.dtype)
        if (pixels.shape, pixels.dtype) != (images.shape[1:], images.dtype):
            raise InputError(
                f"{part} pictures must have one size and type, {images.shape[1:]} and {images.dtype}; "
                f"picture {row} has {pixels.shape} and {pixels.dtype}: resize them, or read them with folder:PATH"
            )
        images[row] = pixels
        labels.append(label)
    if decoded and is_grey(images):
        images = images[..., :1]
    return Labelled(images, _values(labels), _names_of(data))


def _item(data: Any, row: int, part: str) -> tuple[Any, Any]:
    try:
        item = data[row]
    except Exception as error:  # whatever a data set of the user's own raises
        raise InputError(f"{part} picture {row} cannot be read: {type(error).__name__}: {error}") from None
    if isinstance(item, Mapping):
        if not {"image", "label"} <= set(item):
            raise InputError(f"items of {part} data must have 'image' and 'label'; got {', '.join(map(str, item))}")
        return item["image"], item["label"]
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise InputError(f"items of {part} data must be a picture and its label; got {type(item).__name__}")
    return item[0], item[1]


def _names_of(data: Any) -> Sequence[Any] | None:
    """The names of the classes, where torchvision or Hugging Face keep them."""
    features = getattr(data, "features", None)
    if isinstance(features, Mapping):
        return getattr(features.get("label"), "names", None)
    return getattr(data, "classes", None)

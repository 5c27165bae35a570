"""Pictures and labels as a user gives them: arrays, tensors, or a data set with items."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from hyperstudy.study.core.data.decoding import as_rgb, is_grey
from hyperstudy.study.core.data.mapped import CHUNK
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.text import shortened

ACCEPTED = "a pair (images, labels), a data set of pictures with a length and items, or a function that returns one"


class Labelled(NamedTuple):
    """Pictures of the user's own, as they were given: `(N, C, H, W)`, their labels, and the names that they came with.

    `labels` are Python's own numbers and text.
    """

    images: np.ndarray
    labels: list[Any]
    names: Sequence[Any] | None = None


def read_given(given: Any, part: str) -> Labelled:
    """Checked pictures and labels of what the user gave; raises `InputError` for what cannot be used."""
    data = _called(given, part) if callable(given) and not hasattr(given, "__getitem__") else given
    if isinstance(data, tuple | list) and len(data) == 2 and hasattr(data[0], "shape"):
        found = Labelled(_array(data[0], part), _values(data[1], part))
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


def _called(function: Callable[[], Any], part: str) -> Any:
    try:
        return function()
    except OSError as error:
        if error.filename is None:
            raise InputError(f"{part} data cannot be read: {error}") from None
        raise InputError(f"data {str(error.filename)!r} cannot be read: {error.strerror}") from None
    except Exception as error:  # whatever a function of the user's own raises
        raise InputError(f"{part} data cannot be read: {type(error).__name__}: {error}") from None


def _array(images: Any, part: str) -> np.ndarray:
    if not isinstance(images, torch.Tensor):
        return images if images.shape else images[None]
    try:
        return (images.float() if images.is_floating_point() else images).detach().cpu().numpy()
    except (TypeError, RuntimeError) as error:  # of a sparse or a quantised tensor
        raise InputError(f"{part} images must be a dense tensor or an array: {error}") from None


def _values(labels: Any, part: str) -> list[Any]:
    """Labels as Python's own numbers and text, from a list, an array or a tensor."""
    try:
        listed = list(labels.tolist() if hasattr(labels, "tolist") else labels)
        return [label.item() if hasattr(label, "item") else label for label in listed]
    except (TypeError, ValueError):
        got = shortened(str(labels))
        raise InputError(
            f"labels of {part} data must be a list or an array, one number or name each; got {got}"
        ) from None


def _check_label(label: Any, what: str) -> None:
    if label is None or isinstance(label, float) or not isinstance(label, Hashable):
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
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise InputError(f"{part} images must be (N, H, W), (N, C, H, W) or (N, H, W, C); got shape {images.shape}")
    if images.ndim == 3:
        return images[:, None]
    return images if images.shape[1] <= images.shape[3] else np.moveaxis(images, 3, 1)


def _check_pixels(images: np.ndarray, part: str) -> None:
    if images.dtype == np.uint8:
        return
    for start in range(0, len(images), CHUNK):
        with np.errstate(over="ignore"):
            whole = np.isfinite(images[start : start + CHUNK].astype(np.float32)).all((1, 2, 3))
        if not whole.all():
            raise InputError(f"pixels must be finite numbers; {part} picture {start + int(whole.argmin())} has another")


def _items(data: Any, part: str) -> Labelled:
    """The pictures and labels of a data set with items, in one array."""
    from PIL import Image

    images, labels, decoded = np.empty(0), [], False
    console = Console(stderr=True)
    title = f"reading {part} pictures"
    for row in track(
        range(_length(data, part)), title, console=console, transient=True, disable=not console.is_terminal
    ):
        picture, label = _item(data, row, part)
        decoded = isinstance(picture, Image.Image)
        try:
            pixels = np.asarray(
                as_rgb(picture) if decoded else _array(picture, part) if isinstance(picture, torch.Tensor) else picture
            )
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
    return Labelled(images, _values(labels, part), _names_of(data))


def _length(data: Any, part: str) -> int:
    try:
        return len(data)
    except Exception as error:  # whatever a data set of the user's own raises
        raise InputError(f"{part} data have no length: {type(error).__name__}: {error}") from None


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

"""Where pictures come from: one row of `DATASETS` per data set."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import partial
from math import prod
from pathlib import Path
from typing import Any
from urllib.error import URLError
from zipfile import ZipFile

import numpy as np

from hyperstudy.study.core.data.folder import load_folder
from hyperstudy.study.core.data.pictures import TEST_FRACTION, WITH_TEST, Pictures, Source, cut
from hyperstudy.study.core.data.regular import regular
from hyperstudy.study.core.errors import InputError, not_one_of
from hyperstudy.study.core.text import is_text

FOLDER_SIDE = 32  # pixels, unless --image-size says otherwise
IDX_SIDE, IDX_CLASSES = 28, 10  # of MNIST and its variants
ARCHIVE_SIDE = 32


def source(dataset: str) -> tuple[Source, str]:
    """The row of `DATASETS` that `dataset` names, and the location behind its colon ('' without one)."""
    name, colon, location = dataset.partition(":")
    if name not in DATASETS or bool(colon) != (name == "folder"):
        raise not_one_of("dataset", dataset, [n if n != "folder" else "folder:PATH" for n in DATASETS])
    if colon and not location:
        raise InputError(f"dataset must be 'folder:PATH' with a folder of pictures; got {dataset!r}")
    if not is_text(location) or "\0" in location:
        raise InputError(f"the path of a picture folder must be UTF-8; got {dataset!r}: rename it")
    return DATASETS[name], location


def _digits(root: Path, location: str, train: bool, side: int) -> Pictures:
    """scikit-learn's 1,797 handwritten digits, 8x8 pixels in 17 grey levels; a fifth is cut off as the test set."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = np.round(pixels.reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    classes = tuple("0123456789")
    rows = cut(labels, TEST_FRACTION, classes, WITH_TEST)[0 if train else 1]
    return Pictures(images[rows], labels[rows].astype(np.int64), classes)


def _archive(name: str, root: Path, location: str, train: bool, side: int) -> Pictures:
    """Pictures in `root/<name>.zip`, as `<name>/{train,test}/<class>/*.jpg`, all of one size."""
    from PIL import Image

    path, part = root / f"{name}.zip", "train" if train else "test"
    if not path.is_file():
        raise InputError(
            f"dataset {name!r} must lie in {str(path)!r}, which is not there: name its folder with --data-dir"
        )
    try:
        with ZipFile(path) as archive:
            files = sorted(file for file in archive.namelist() if fnmatch(file, f"{name}/*/*/*.jpg"))
            mine = [file for file in files if file.split("/")[1] == part]
            opened = (Image.open(archive.open(file), formats=["JPEG"]) for file in mine)
            images = np.stack([np.asarray(image.convert("RGB")) for image in opened])
    except Exception as error:  # zipfile and Pillow raise errors of many kinds for damaged files
        raise InputError(f"data file {path} is damaged: {error}") from None
    if images.shape[1:3] != (ARCHIVE_SIDE, ARCHIVE_SIDE):
        raise InputError(
            f"pictures in {path} must have {ARCHIVE_SIDE} x {ARCHIVE_SIDE} pixels; got {images.shape[1:3]}"
        )
    classes = sorted({file.split("/")[2] for file in files})
    labels = np.array([classes.index(file.split("/")[2]) for file in mine], dtype=np.int64)
    return Pictures(np.ascontiguousarray(images.transpose(0, 3, 1, 2)), labels, tuple(classes))


def _torchvision(name: str, root: Path, location: str, train: bool, side: int) -> Pictures:
    """A data set that torchvision knows, downloaded into `root` if none of its files are there."""
    from torchvision import datasets  # takes 1 s to import, and the digits do not need it

    kind = {
        "MNIST": datasets.MNIST,
        "FashionMNIST": datasets.FashionMNIST,
        "KMNIST": datasets.KMNIST,
        "CIFAR10": datasets.CIFAR10,
        "CIFAR100": datasets.CIFAR100,
        "SVHN": datasets.SVHN,
    }[name]
    choice = {"split": "train" if train else "test"} if kind is datasets.SVHN else {"train": train}
    if root.exists() and not root.is_dir():
        raise InputError(f"data-dir must be a folder; {str(root)!r} is none")
    missing = [path for path, _ in _files(kind, choice) if not (root / path).exists()]
    if missing:
        _download(kind, choice, root, missing)
    _check_files(kind, choice, root)
    data = kind(root, download=False, **choice)
    images = np.asarray(data.data)
    if images.ndim == 3:
        images = images[:, None]
    elif images.shape[-1] == 3:
        images = images.transpose(0, 3, 1, 2)
    labels = np.asarray(data.labels if kind is datasets.SVHN else data.targets, dtype=np.int64)
    return Pictures(np.ascontiguousarray(images), labels, tuple(getattr(data, "classes", "0123456789")))


def _files(kind: Any, choice: dict[str, Any]) -> Iterator[tuple[Path, str | None]]:
    """The files that torchvision's class reads, relative to the root, with their MD5 sums where it knows them."""
    if hasattr(
        kind, "resources"
    ):  # MNIST and its variants; their sums are those of the archives, not of the files read here
        for url, _ in kind.resources:
            yield Path(kind.__name__, "raw", Path(url).stem), None
    elif hasattr(kind, "base_folder"):  # CIFAR
        for name, checksum in [*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])]:
            yield Path(kind.base_folder, name), checksum
    else:  # SVHN
        _, name, checksum = kind.split_list[choice["split"]]
        yield Path(name), checksum


def _check_files(kind: Any, choice: dict[str, Any], root: Path) -> None:
    """Raise `InputError` for files that are not what was published, before any of them is read.

    CIFAR's are pickles, which could run code: their sums are those of the files that torchvision downloads.
    """
    from torchvision.datasets.utils import check_integrity

    counts = []
    for name, checksum in _files(kind, choice):
        path = root / name
        regular("data file", path)
        if checksum:
            fault = "" if check_integrity(str(path), checksum) else "its MD5 sum is another"
        else:
            fault, count = _idx_fault(path)
            counts.append((path, count))
        if fault:
            raise InputError(f"data file {path} is damaged ({fault}): delete it, and the next run downloads it again")
    for (images, pictures), (path, labels) in zip(counts[::2], counts[1::2], strict=True):
        if pictures != labels:
            raise InputError(
                f"data files {images} and {path} hold {pictures} pictures and {labels} labels: delete both, and the "
                f"next run downloads them again"
            )


def _idx_fault(path: Path) -> tuple[str, int]:
    """What is wrong with an IDX file (LeCun's MNIST page) of pictures or of labels, and how many it holds."""
    axes = 3 if "images" in path.name else 1
    content = path.read_bytes()
    shape = np.frombuffer(content[4 : 4 + 4 * axes], ">u4") if len(content) >= 4 + 4 * axes else None
    if shape is None or content[:4] != bytes([0, 0, 8, axes]):
        return "it is no IDX file of bytes", 0
    count, *size = shape.tolist()
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    if len(values) != count * prod(size):
        return f"{count * prod(size)} bytes should follow its header; {len(values)} do", count
    if not count:
        return "it is empty", count
    if size and size != [IDX_SIDE, IDX_SIDE]:
        return f"its pictures have {size[0]} x {size[1]} pixels, not {IDX_SIDE} x {IDX_SIDE}", count
    if not size and values.max() >= IDX_CLASSES:
        return f"a label is {values.max()}, where {IDX_CLASSES} classes are 0 to {IDX_CLASSES - 1}", count
    return "", count


def _download(kind: Any, choice: dict[str, Any], root: Path, missing: list[Path]) -> None:
    """Download into a temporary folder in `root`, then move the files: an interrupted download leaves none cut."""
    found_root = root.exists()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as scratch:
            kind(scratch, download=True, **choice)
            for path in missing:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(scratch) / path, root / path)
    except (URLError, RuntimeError, OSError) as error:
        if not found_root:
            shutil.rmtree(root, ignore_errors=True)
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise InputError(
            f"{kind.__name__} is not in {str(root)!r} and could not be downloaded ({reason}): put "
            f"{', '.join(map(str, missing))} there, or name the folder that has them with --data-dir"
        ) from None


DATASETS: dict[str, Source] = {
    "digits": Source(_digits, 8),
    "mnist": Source(partial(_torchvision, "MNIST"), 28),
    "fashion-mnist": Source(partial(_torchvision, "FashionMNIST"), 28),
    "kmnist": Source(partial(_torchvision, "KMNIST"), 28),
    "cifar10": Source(partial(_torchvision, "CIFAR10"), 32),
    "cifar10-jpeg": Source(partial(_archive, "cifar10-jpeg"), 32),
    "cifar100": Source(partial(_torchvision, "CIFAR100"), 32),
    "svhn": Source(partial(_torchvision, "SVHN"), 32),
    "folder": Source(load_folder, FOLDER_SIDE),
}

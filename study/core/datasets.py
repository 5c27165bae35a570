"""Where pictures come from: one row of `DATASETS` per data set.

A loader `load(root, location, train, side)` returns the training or the test pictures. `root` is the data directory,
`location` what follows the colon in `folder:PATH`, and `side` is used only where pictures have many sizes.
"""

import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError
from zipfile import BadZipFile, ZipFile

import numpy as np
from hyperstudy.study.core.errors import InputError, not_one_of

TEST_FRACTION = 0.2  # of a data set without a test set
CUT_SEED = 0
SIXTEEN_BITS = 65535
FOLDER_SIDE = 32  # pixels, unless --image-size says otherwise


class Pictures(NamedTuple):
    images: np.ndarray  # uint8 (N, C, H, W)
    labels: np.ndarray  # int64 (N,)
    classes: tuple[str, ...]


class Source(NamedTuple):
    """A row of `DATASETS`: its loader and the side of its pictures in pixels."""

    load: Callable[[Path, str, bool, int], Pictures]
    side: int


def source(dataset: str) -> tuple[Source, str]:
    """The row of `DATASETS` that `dataset` names, and the location behind its colon ('' without one)."""
    name, colon, location = dataset.partition(":")
    if name not in DATASETS or bool(colon) != (name == "folder"):
        raise not_one_of("dataset", dataset, [n if n != "folder" else "folder:PATH" for n in DATASETS])
    if colon and not location:
        raise InputError(f"dataset must be 'folder:PATH' with a folder of pictures; got {dataset!r}")
    return DATASETS[name], location


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


def _digits(root: Path, location: str, train: bool, side: int) -> Pictures:
    """scikit-learn's 1,797 handwritten digits, 8x8 pixels in 17 grey levels; a fifth is cut off as the test set."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = np.round(pixels.reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    classes = tuple("0123456789")
    rows = cut(labels, TEST_FRACTION, classes)[0 if train else 1]
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
            files = sorted(file for file in archive.namelist() if fnmatch(file, f"{name}/{part}/*/*.jpg"))
            images = np.stack([np.asarray(Image.open(archive.open(file)).convert("RGB")) for file in files])
    except (BadZipFile, zlib.error, OSError, ValueError) as error:
        raise InputError(f"data file {path} is damaged: {error}") from None
    folders = [file.split("/")[2] for file in files]
    classes, labels = np.unique(folders, return_inverse=True)
    return Pictures(
        np.ascontiguousarray(images.transpose(0, 3, 1, 2)), labels.astype(np.int64), tuple(map(str, classes))
    )


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
    for path, checksum in _files(kind, choice):
        _check_file(root / path, checksum)
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


def _check_file(path: Path, checksum: str | None) -> None:
    from torchvision.datasets.utils import check_integrity

    if not (check_integrity(str(path), checksum) if checksum else _is_whole_idx(path)):
        raise InputError(f"data file {path} is damaged: delete it, and the next run downloads it again")


def _is_whole_idx(path: Path) -> bool:
    """Whether an IDX file of bytes (LeCun's MNIST page) is as long as its header says."""
    with path.open("rb") as file:
        zero, kind, dimensions = int.from_bytes(file.read(2), "big"), file.read(1), file.read(1)
        if zero or kind != b"\x08" or dimensions not in (b"\x01", b"\x03"):
            return False
        header = file.read(4 * dimensions[0])
    shape = np.frombuffer(header, ">u4")
    return len(shape) == dimensions[0] and path.stat().st_size == 4 + len(header) + prod(shape.tolist())


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


def _folder(root: Path, location: str, train: bool, side: int) -> Pictures:
    """A user's own pictures, `PATH/{train,test}/<class>/*` or `PATH/<class>/*`; of the latter a fifth is the test set.

    Each picture is rotated as its EXIF tag says, cropped to a square around its centre and scaled to `side` pixels.
    Pictures are RGB, or have one channel if none of this part has any colour.
    """
    top = Path(location).expanduser()
    has_split = (top / "train").is_dir()
    files, labels, classes = _listing(top / "train" if has_split else top)
    if has_split:
        test_files, test_labels, test_classes = _listing(top / "test")
        if test_classes != classes:
            odd = sorted(set(classes) ^ set(test_classes))
            raise InputError(f"{top}/train and {top}/test must have the same classes; only one has {', '.join(odd)}")
        if not train:
            files, labels = test_files, test_labels
    else:
        rows = cut(labels, TEST_FRACTION, classes)[0 if train else 1]
        files, labels = [files[row] for row in rows], labels[rows]
    with ThreadPoolExecutor() as threads:  # Pillow releases the interpreter's lock while it decodes
        images = np.stack(list(threads.map(partial(_decode, side=side), files)))
    grey = (images[..., 0] == images[..., 1]).all() and (images[..., 0] == images[..., 2]).all()
    images = images[..., :1] if grey else images
    return Pictures(np.ascontiguousarray(images.transpose(0, 3, 1, 2)), labels, classes)


def _listing(top: Path) -> tuple[list[Path], np.ndarray, tuple[str, ...]]:
    """Files, labels (N,) and class names of the class folders in `top`, in the order of their names."""
    from PIL import Image

    endings = {ending.lower() for ending in Image.registered_extensions()}
    folders = sorted(path for path in top.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = [sorted(p for p in folder.iterdir() if p.suffix.lower() in endings) for folder in folders]
    if len(folders) < 2:
        raise InputError(f"picture folder {str(top)!r} must hold a folder per class, two or more; got {len(folders)}")
    for folder, files in zip(folders, found, strict=True):
        if not files:
            raise InputError(f"class folder {str(folder)!r} must hold pictures, such as .png or .jpg; it holds none")
    labels = np.repeat(np.arange(len(folders)), [len(files) for files in found])
    return [path for files in found for path in files], labels, tuple(folder.name for folder in folders)


def read_picture(path: Path, side: int) -> np.ndarray:
    """One picture file of any size and mode as uint8 (3, side, side), upright, cropped to its central square."""
    return np.ascontiguousarray(_decode(path, side).transpose(2, 0, 1))


def _decode(path: Path, side: int) -> np.ndarray:
    """One picture as uint8 (side, side, 3)."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            upright = _eight_bits(ImageOps.exif_transpose(image)).convert("RGB")
            return np.asarray(ImageOps.fit(upright, (side, side), Image.Resampling.BILINEAR))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"picture {path} is damaged or no picture: {error}") from None


def _eight_bits(image: Any) -> Any:
    """A picture of 16 or 32 bits a pixel with its levels scaled to 0 to 255; Pillow would clip them."""
    from PIL import Image

    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    levels = np.asarray(image, dtype=float)
    if not 0 <= levels.min() <= levels.max() <= SIXTEEN_BITS:
        raise ValueError(f"levels run from {levels.min():g} to {levels.max():g}, not within 0 to {SIXTEEN_BITS}")
    most = 255 if levels.max() <= 255 and image.mode in ("I", "F") else SIXTEEN_BITS
    return Image.fromarray((levels * (255 / most)).round().astype(np.uint8))


DATASETS: dict[str, Source] = {
    "digits": Source(_digits, side=8),
    "mnist": Source(partial(_torchvision, "MNIST"), side=28),
    "fashion-mnist": Source(partial(_torchvision, "FashionMNIST"), side=28),
    "kmnist": Source(partial(_torchvision, "KMNIST"), side=28),
    "cifar10": Source(partial(_torchvision, "CIFAR10"), side=32),
    "cifar10-jpeg": Source(partial(_archive, "cifar10-jpeg"), side=32),
    "cifar100": Source(partial(_torchvision, "CIFAR100"), side=32),
    "svhn": Source(partial(_torchvision, "SVHN"), side=32),
    "folder": Source(_folder, side=FOLDER_SIDE),
}

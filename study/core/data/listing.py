"""What lies in a folder of pictures: its classes, their files, and which of these are test pictures."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hyperstudy.study.core.data.decoding import picture_formats
from hyperstudy.study.core.data.pictures import TEST_FRACTION, WITH_TEST, cut
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.text import is_text


class Listing(NamedTuple):
    """The picture files of a folder, their labels `(N,)`, which of them are training and which test pictures, and other
    files."""

    files: list[Path]
    labels: np.ndarray
    classes: tuple[str, ...]
    train: np.ndarray
    test: np.ndarray
    others: list[Path]


def folder_at(location: str) -> Path:
    """The path, its `~` replaced; raises `InputError` for the home of a user that there is not."""
    try:
        return Path(location).expanduser()
    except RuntimeError:
        raise InputError(f"folder {location!r} cannot be found: there is no such user") from None


def list_folder(top: Path, root: Path) -> Listing:
    """What lies in `top`; raises `InputError` if that is no data set. The data directory `root` may lie in it."""
    if not (top / "train").is_dir():
        files, labels, classes, others = _class_folders(top, root)
        return Listing(files, labels, classes, *cut(labels, TEST_FRACTION, classes, WITH_TEST), others)
    files, labels, classes, others = _class_folders(top / "train", root)
    test_files, test_labels, test_classes, test_others = _class_folders(top / "test", root)
    if test_classes != classes:
        odd = sorted(set(classes) ^ set(test_classes))
        raise InputError(f"{top}/train and {top}/test must have the same classes; only one has {', '.join(odd)}")
    train, test = np.split(np.arange(len(files) + len(test_files)), [len(files)])
    labels = np.concatenate([labels, test_labels])
    return Listing(files + test_files, labels, classes, train, test, others + test_others)


def _class_folders(top: Path, root: Path) -> tuple[list[Path], np.ndarray, tuple[str, ...], list[Path]]:
    """Picture files, labels (N,) and class names of the class folders in `top`, in the order of their names; and the
    files in them that are no pictures by their names."""
    if lost := [path for path in _shown(top) if path.is_symlink() and not path.exists()]:
        raise InputError(f"class folder {str(lost[0])!r} is a link that leads to none: mend or delete it")
    folders = [path for path in _shown(top) if path.is_dir() and path.resolve() != root.resolve()]
    inside = [path for folder in folders for path in _shown(folder)]
    pictures = [path for path in inside if path.suffix.lower() in picture_formats()]
    others = sorted(set(inside) - set(pictures))
    counts = Counter(path.parent for path in pictures)
    if len(folders) < 2:
        raise InputError(f"picture folder {str(top)!r} must hold a folder per class, two or more; got {len(folders)}")
    for folder in folders:
        if not is_text(folder.name):
            raise InputError(f"class folder {str(folder)!r} must have a name in UTF-8: rename it")
        if not counts[folder]:
            raise InputError(f"class folder {str(folder)!r} must hold pictures, such as .png or .jpg; it holds none")
    labels = np.repeat(np.arange(len(folders)), [counts[folder] for folder in folders])
    return pictures, labels, tuple(folder.name for folder in folders), others


def _shown(folder: Path) -> list[Path]:
    """What lies in a folder and is not hidden, in the order of the names."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))

"""Data files that are cut or altered anywhere, and folders of anything: sane pictures, or one line."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import datasets as torchvision_datasets

from hyperstudy.study.core.data.splits import Splits, load_splits, load_test
from hyperstudy.study.core.errors import InputError
from tests.core.test_odd_data import png
from tests.datafiles import write_archive, write_cifar, write_mnist, write_pictures, write_svhn

EXAMPLES = int(os.environ.get("EXAMPLES", "40"))  # of each property
few = settings(max_examples=EXAMPLES, database=None)
offsets = st.integers(0, 2**20)
changes = st.one_of(
    st.tuples(st.just("cut"), offsets),
    st.tuples(st.just("added"), st.binary(min_size=1, max_size=9)),
    st.tuples(st.just("altered"), st.lists(st.tuples(offsets, st.integers(1, 255)), min_size=1, max_size=4)),
    st.tuples(st.just("replaced"), offsets, st.binary(max_size=40)),
)


def changed(content, change):
    """The bytes after a change, whose offsets are taken modulo their number; half of all fall into the first 100."""
    kind, *how = change

    def place(offset):
        return (offset // 2) % (min(100, len(content)) if offset % 2 else len(content))

    if kind == "cut":
        return content[: place(how[0])]
    if kind == "added":
        return content + how[0]
    new = bytearray(content)
    if kind == "altered":
        for offset, bits in how[0]:
            new[place(offset)] ^= bits
    else:
        new[place(how[0]) : place(how[0]) + len(how[1])] = how[1]
    return bytes(new)


def check(dataset: str, root: Path) -> Splits | None:
    """The data set's parts, which have sane shapes and labels; None after one line that says why not."""
    try:
        splits = load_splits(dataset, root, 8)
        splits = splits._replace(test=load_test(dataset, root, 8))
    except InputError as error:
        line = str(error)
    else:
        line = None
    if line is not None:
        assert len(line.splitlines()) == 1
        return None
    for part in (splits.train, splits.val, splits.test):
        assert len(part.images) == len(part.labels) > 0
        assert part.images.shape[1:] == splits.train.images.shape[1:]
        assert part.labels.min() >= 0
        assert part.labels.max() < len(splits.classes)
        assert len(torch.cat(list(part.images.split(100)))) == len(part.labels)
    assert splits.mean.isfinite().all()
    assert (splits.std > 0).all()
    return splits


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The data sets' files, written once, by data set; the sums of the downloaded ones are those of these files."""
    root, patch = tmp_path_factory.mktemp("data"), pytest.MonkeyPatch()
    write_mnist(root, "MNIST")
    write_cifar(root, torchvision_datasets.CIFAR10, patch)
    write_svhn(root, patch)
    write_archive(root, count=5)
    write_pictures(root / "pets", count=4, size=(12, 9))
    Image.new("L", (9, 9)).save(root / "pets" / "cat" / "grey.jpg")
    Image.new("P", (9, 9)).save(root / "pets" / "cat" / "moving.gif")
    Image.new("RGBA", (9, 9)).save(root / "pets" / "dog" / "deep.tiff")
    Image.new("RGB", (9, 9)).save(root / "pets" / "dog" / "small.webp")
    Image.new("L", (9, 9)).save(root / "pets" / "dog" / "plain.pgm")
    Image.new("RGB", (9, 9)).save(root / "pets" / "dog" / "map.bmp")
    yield root
    patch.undo()


FILES = {
    "mnist": "MNIST/raw/*",
    "cifar10": "cifar-10-batches-py/*",
    "svhn": "*.mat",
    "cifar10-jpeg": "*.zip",
    "pets": "pets/*/*",
    "cache": "cache/*.npy",
    "facts": "cache/*.json",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_cut_or_altered_loads_sanely_or_is_one_line(name, data):
    dataset = f"folder:{data / 'pets'}" if name in ("pets", "cache", "facts") else name
    assert check(dataset, data)
    paths = sorted(data.glob(FILES[name]))

    @few
    @given(st.sampled_from(paths), changes)
    def one(path, change):
        whole, status = path.read_bytes(), path.stat()
        try:
            path.unlink()  # what is still mapped keeps its file
            path.write_bytes(changed(whole, change))
            splits = check(dataset, data)
            if name in ("cache", "facts"):
                assert splits.shape == (3, 8, 8)
        finally:
            path.unlink()
            path.write_bytes(whole)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    one()


BOMB = png(60_000, 60_000)
CONTENTS = {
    "grey": lambda path: Image.new("L", (9, 7), 90).save(path),
    "colour": lambda path: Image.new("RGB", (6, 9), "red").save(path),
    "clear": lambda path: Image.new("RGBA", (5, 5)).save(path),
    "palette": lambda path: Image.new("P", (5, 5)).save(path, transparency=bytes(9)),
    "deep": lambda path: Image.fromarray(np.full((5, 5), 40_000, np.uint16)).save(path),
    "one pixel": lambda path: Image.new("1", (1, 1)).save(path),
    "thin": lambda path: Image.new("L", (1, 3000)).save(path),
    "text": lambda path: path.write_text("text"),
    "empty": lambda path: path.touch(),
    "bomb": lambda path: path.write_bytes(BOMB),
    "cut": lambda path: path.write_bytes(png(5, 5, bytes(30))[:50]),
    "folder": lambda path: path.mkdir(),
    "fifo": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "dangling": lambda path: path.symlink_to("nowhere"),
    "loop": lambda path: path.symlink_to(path.name),
    "link": lambda path: path.symlink_to(Path(__file__).parent),
    "no UTF-8": lambda path: Image.new("L", (5, 5)).save(path.with_name(os.fsdecode(b"\xff.png"))),
    "hidden": lambda path: path.with_name(f".{path.name}").touch(),
    "notes": lambda path: path.with_suffix(".txt").touch(),
}
GOOD = [name for name in CONTENTS if name in ("grey", "colour", "clear", "palette", "deep", "one pixel", "thin")]
classes = st.lists(st.sampled_from(GOOD), max_size=7)
names = st.sampled_from(["cat", "dog", "eel", "f g", ".hidden", os.fsdecode(b"\xff"), "train", "test", "a\nb"])


@few
@given(
    st.dictionaries(names, classes, max_size=4),
    st.dictionaries(names, classes, max_size=3),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(sorted(CONTENTS))), max_size=2),
)
def test_a_folder_of_anything_loads_sanely_or_is_one_line(plain, split, odd):
    with TemporaryDirectory() as folder:
        top = Path(folder) / "pets"
        top.mkdir()
        parts = plain
        if "train" in plain:
            parts = {f"{part}/{name}": pictures for name, pictures in split.items() for part in ("train", "test")}
        for name, pictures in parts.items():
            (top / name).mkdir(parents=True)
            for number, kind in enumerate(pictures):
                CONTENTS[kind](top / name / f"{number}.png")
        places = [*(top / name for name in parts), top]
        for number, (place, kind) in enumerate(odd):
            CONTENTS[kind](places[place % len(places)] / f"odd-{number}.png")
        check(f"folder:{top}", Path(folder) / "data")

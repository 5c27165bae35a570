"""Data files and picture folders that are not as they should be: one line, and never a wait."""

import contextlib
import os
import pickle
import shutil
import socket
import struct
import sys
import zlib
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image
from torchvision import datasets as torchvision_datasets

from hyperstudy.study.core.data.splits import load_splits, load_test
from hyperstudy.study.core.errors import InputError
from tests.datafiles import IDX, write_archive, write_cifar, write_idx, write_mnist, write_pictures, write_svhn

IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = IDX


def load(top):
    """All three parts of the folder `top`."""
    splits = load_splits(f"folder:{top}", top.parent / "data", 8)
    return splits._replace(test=load_test(f"folder:{top}", top.parent / "data", 8))


IDX_FAULTS = {
    "a label too large": (LABELS, np.full(40, 99), r"\(a label is 99, where 10 classes are 0 to 9\): delete it"),
    "a test label too large": (TEST_LABELS, np.arange(40) + 1, r"\(a label is 40, .*: delete it, and the next run"),
    "fewer labels": (LABELS, np.zeros(30), "hold 40 pictures and 30 labels: delete both"),
    "more labels": (LABELS, np.zeros(50), "hold 40 pictures and 50 labels: delete both"),
    "fewer test labels": (TEST_LABELS, np.zeros(30), "hold 40 pictures and 30 labels: delete both"),
    "no picture": (IMAGES, np.zeros((0, 28, 28)), r"\(it is empty\)"),
    "small pictures": (TEST_IMAGES, np.zeros((40, 20, 28)), r"\(its pictures have 20 x 28 pixels, not 28 x 28\)"),
    "labels for pictures": (IMAGES, np.zeros(40), "it is no IDX file of bytes"),
    "pictures for labels": (LABELS, np.zeros((40, 1, 1)), "it is no IDX file of bytes"),
}


@pytest.mark.parametrize("case", IDX_FAULTS)
def test_an_idx_file_with_other_contents_is_named_before_anything_is_trained(case, tmp_path):
    name, array, message = IDX_FAULTS[case]
    write_mnist(tmp_path, "MNIST")
    write_idx(tmp_path / "MNIST" / "raw" / name, array)
    with pytest.raises(InputError, match=f"{name}.*{message}"):
        load_splits("mnist", tmp_path, 28)


def bind(path):
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as opened:
        opened.bind(path.name)  # which may have about 100 characters


ODD = {
    "it is a folder": lambda path: path.mkdir(),
    "it is a FIFO": os.mkfifo,
    "it is a socket": bind,
    "it is a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_regular_file_is_not_opened(kind, tmp_path):
    write_mnist(tmp_path, "MNIST")
    write_pictures(tmp_path / "pets")
    paths = tmp_path / "MNIST" / "raw" / IMAGES, tmp_path / "pets" / "cat" / "x.png"
    paths[0].unlink()
    for path, dataset in zip(paths, ("mnist", f"folder:{tmp_path / 'pets'}"), strict=True):
        ODD[kind](path)
        with pytest.raises(InputError, match=f"{path.name}' must be a file; {kind}"):
            load_splits(dataset, tmp_path, 8)


def test_links_that_lead_nowhere_are_named(tmp_path):
    top = tmp_path / "pets"
    write_pictures(top)
    for name in ("cat/x.png", "eel"):
        for target in ("nowhere", name.split("/")[-1]):
            (top / name).symlink_to(target)
            with pytest.raises(InputError, match=rf"{name}' .*link that leads to none"):
                load(top)
            (top / name).unlink()
    assert load(top).classes == ("cat", "dog")


class Planted:
    def __reduce__(self):
        return sys.exit, ("code of the file has run",)


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch", "batches.meta"])
def test_a_pickle_that_was_planted_is_not_read(name, tmp_path, monkeypatch):
    write_cifar(tmp_path, torchvision_datasets.CIFAR10, monkeypatch)
    (tmp_path / "cifar-10-batches-py" / name).write_bytes(pickle.dumps(Planted()))
    with pytest.raises(InputError, match=f"{name} is damaged .*: delete it"):
        load_splits("cifar10", tmp_path, 32)


def test_an_altered_matlab_file_is_not_read(tmp_path, monkeypatch):
    write_svhn(tmp_path, monkeypatch)
    path = tmp_path / "train_32x32.mat"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"train_32x32\.mat is damaged .*: delete it"):
        load_splits("svhn", tmp_path, 32)


def test_classes_of_an_archive_are_those_of_both_parts(tmp_path):
    write_archive(tmp_path, count=8)
    with ZipFile(tmp_path / "cifar10-jpeg.zip", "a") as archive:
        archive.writestr("cifar10-jpeg/train/bird/0.jpg", archive.read("cifar10-jpeg/train/cat/0000.jpg"))
        archive.writestr("cifar10-jpeg/train/bird/1.jpg", archive.read("cifar10-jpeg/train/cat/0000.jpg"))
    assert load_splits("cifar10-jpeg", tmp_path, 32).classes == ("airplane", "bird", "cat")
    assert set(load_test("cifar10-jpeg", tmp_path, 32).labels.tolist()) == {0, 2}


def png(width, height, rows=b""):
    """A grey PNG file whose header says that it has this size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = {b"IHDR": header, b"IDAT": zlib.compress(rows), b"IEND": b""}
    parts = (struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks.items())
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


NO_PICTURES = {
    "a bomb": png(60_000, 60_000),
    "no size": png(0, 5),
    "text": b"not a picture",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n",
    "nothing": b"",
}


@pytest.mark.parametrize("case", NO_PICTURES)
def test_a_file_that_is_no_picture_is_named(case, tmp_path):
    write_pictures(tmp_path / "pets", count=3)
    (tmp_path / "pets" / "cat" / "x.png").write_bytes(NO_PICTURES[case])
    with pytest.raises(InputError, match=r"x\.png is damaged or no picture") as raised:
        load(tmp_path / "pets")
    assert "\n" not in str(raised.value)


def test_pictures_of_every_mode_lie_side_by_side_without_a_warning(tmp_path, recwarn):
    top, grey = tmp_path / "pets", Image.effect_noise((16, 16), 50)
    write_pictures(top, size=(16, 16))
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
        (deep if mode == "I;16" else grey.convert(mode)).save(top / "cat" / f"{mode}.png")
    grey.convert("P").save(top / "cat" / "clear.png", transparency=bytes(range(256)))
    grey.convert("CMYK").save(top / "dog" / "print.jpg")
    for name in ("moving.gif", "pages.tiff", "moving.webp"):
        grey.save(top / "dog" / name, save_all=True, append_images=[grey.rotate(90)])
    splits = load(top)
    assert splits.shape == (3, 8, 8)
    assert sum(len(part.labels) for part in (splits.train, splits.val, splits.test)) == 32
    assert not recwarn.list


def test_files_that_are_no_pictures_by_their_names_are_left_out_and_hidden_ones_in_silence(tmp_path, capsys):
    write_pictures(tmp_path / "pets")
    for name in ("notes.txt", "scan.pdf", ".DS_Store", "._000.png"):
        (tmp_path / "pets" / "cat" / name).write_text("text")
    for _ in range(2):
        assert len(load(tmp_path / "pets").test.labels) == 4
    assert capsys.readouterr().err == "pets: left out 2 that are no picture files, such as 'cat/notes.txt'\n"


def no_utf8(folder: Path) -> Path:
    return folder / os.fsdecode(b"c\xe4t")


def test_a_class_must_have_a_name_in_utf_8_and_a_picture_may_have_any(tmp_path):
    top = tmp_path / "pets"
    write_pictures(top)
    (top / "cat" / "000-0.png").rename(no_utf8(top / "cat").with_suffix(".png"))
    assert load(top).classes == ("cat", "dog")
    (top / "cat").rename(no_utf8(top))
    with pytest.raises(InputError, match=r"c\\udce4t' must have a name in UTF-8: rename it"):
        load(top)
    shutil.copytree(no_utf8(top), top / "cat")
    with pytest.raises(InputError, match=r"the path of a picture folder must be UTF-8; got '.*c\\udce4t': rename it"):
        load(no_utf8(top))


@pytest.mark.parametrize(("classes", "count", "parts"), [(60, 5, (180, 60, 60)), (60, 3, (60, 60, 60))])
def test_many_classes_of_few_pictures_have_one_of_each_in_every_part(classes, count, parts, tmp_path):
    for number in range(classes):
        (tmp_path / "pets" / f"{number:04}").mkdir(parents=True)
        for index in range(count):
            Image.new("L", (4, 4), index).save(tmp_path / "pets" / f"{number:04}" / f"{index}.png")
    splits = load(tmp_path / "pets")
    assert tuple(len(part.labels) for part in (splits.train, splits.val, splits.test)) == parts
    for part in (splits.train, splits.val, splits.test):
        assert (part.labels.bincount() == parts[1] // classes * len(part.labels) // parts[1]).all()


def test_a_class_with_too_few_pictures_is_named_with_its_own_number(tmp_path):
    write_pictures(tmp_path / "pets", count=2)
    with pytest.raises(InputError, match=r"3 pictures or more, .* validation and test pictures; class 'cat' has 2"):
        load(tmp_path / "pets")
    write_pictures(tmp_path / "split" / "test", count=1)
    write_pictures(tmp_path / "split" / "train", count=1)
    with pytest.raises(InputError, match=r"2 pictures or more, .* training and validation .*; class 'cat' has 1"):
        load(tmp_path / "split")


def test_pictures_of_one_class_alone_are_refused(tmp_path):
    write_mnist(tmp_path, "MNIST")
    write_idx(tmp_path / "MNIST" / "raw" / LABELS, np.full(40, 3))
    with pytest.raises(InputError, match="of two classes or more; all 40 are of class '3"):
        load_splits("mnist", tmp_path, 28)


CUTS = {
    "cut off": lambda content: content[:-7],
    "empty": lambda content: b"",
    "no header": lambda content: b"x" + content[1:],
    "another shape": lambda content: content.replace(b"(20, 3, 8, 10)", b"(20, 3, 5, 16)"),
}


@pytest.mark.parametrize("case", CUTS)
def test_a_cached_file_that_is_damaged_is_made_again(case, tmp_path):
    write_pictures(tmp_path / "pets")
    first = load(tmp_path / "pets")
    (file,) = (tmp_path / "data" / "cache").glob("*.npy")
    whole = file.read_bytes()
    del first
    file.unlink()  # pages that are still mapped keep the old file
    file.write_bytes(CUTS[case](whole))
    assert load(tmp_path / "pets").shape == (3, 8, 10)
    assert file.read_bytes() == whole

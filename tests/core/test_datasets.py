"""Every loader on small files in the official format."""

from urllib.error import URLError
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image
from torchvision import datasets as torchvision_datasets

from hyperstudy.study.core.data.datasets import DATASETS, source
from hyperstudy.study.core.data.decoding import read_picture
from hyperstudy.study.core.data.splits import load_splits, load_test
from hyperstudy.study.core.errors import InputError
from tests.datafiles import IDX, write_archive, write_cifar, write_mnist, write_pictures, write_svhn

IDX_FOLDERS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST"}


def load(dataset, root, train=True, side=8):
    row, location = source(dataset)
    pictures = row.load(root, location, train, side)
    in_memory = isinstance(pictures.images, np.ndarray)
    return pictures if in_memory else pictures._replace(images=next(pictures.images.split(1000)).numpy())


@pytest.mark.parametrize("dataset", IDX_FOLDERS)
def test_idx_files_are_read_as_written(dataset, tmp_path):
    written = write_mnist(tmp_path, IDX_FOLDERS[dataset])
    for train, prefix in ((True, "train"), (False, "t10k")):
        pictures = load(dataset, tmp_path, train)
        assert pictures.images.shape == (40, 1, 28, 28)
        np.testing.assert_array_equal(pictures.images[:, 0], written[f"{prefix}-images-idx3-ubyte"])
        np.testing.assert_array_equal(pictures.labels, written[f"{prefix}-labels-idx1-ubyte"])
        assert len(pictures.classes) == 10


@pytest.mark.parametrize(
    ("dataset", "kind"), [("cifar10", torchvision_datasets.CIFAR10), ("cifar100", torchvision_datasets.CIFAR100)]
)
def test_cifar_pickles_are_read_as_written(dataset, kind, tmp_path, monkeypatch):
    written = write_cifar(tmp_path, kind, monkeypatch)
    pictures = load(dataset, tmp_path)
    expected = np.concatenate([written[name] for name, _ in kind.train_list]).reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(pictures.images, expected)
    np.testing.assert_array_equal(
        load(dataset, tmp_path, False).images, written[kind.test_list[0][0]].reshape(-1, 3, 32, 32)
    )
    assert pictures.classes[1] == "class 1"
    assert set(pictures.labels) == set(range(len(pictures.classes)))


def test_svhn_matlab_files_are_read_as_written(tmp_path, monkeypatch):
    written = write_svhn(tmp_path, monkeypatch)
    for train, split in ((True, "train"), (False, "test")):
        pictures = load("svhn", tmp_path, train)
        np.testing.assert_array_equal(pictures.images, written[split].transpose(3, 2, 0, 1))
        assert list(pictures.labels[:10]) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]


def test_an_archive_of_pictures_is_read_in_the_order_of_its_names(tmp_path):
    write_archive(tmp_path)
    for train, offset in ((True, 0), (False, 100)):
        pictures = load("cifar10-jpeg", tmp_path, train)
        assert pictures.classes == ("airplane", "cat")
        assert pictures.labels.tolist() == [0, 0, 0, 1, 1, 1]
        assert pictures.images.shape == (6, 3, 32, 32)
        reds = pictures.images[:, 0].mean((1, 2))
        assert reds == pytest.approx([offset + level for level in (0, 5, 10, 50, 55, 60)], abs=3)


def test_an_archive_that_is_missing_or_damaged_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="which is not there: name its folder with --data-dir"):
        load("cifar10-jpeg", tmp_path, True)
    write_archive(tmp_path)
    whole = (tmp_path / "cifar10-jpeg.zip").read_bytes()
    for content in (b"no zip", whole[: len(whole) // 2], whole[:60] + bytes(200) + whole[260:], b""):
        (tmp_path / "cifar10-jpeg.zip").write_bytes(content)
        with pytest.raises(InputError, match="is damaged"):
            load("cifar10-jpeg", tmp_path, True)
    with ZipFile(tmp_path / "cifar10-jpeg.zip", "w") as archive:
        archive.writestr("another/file.txt", "text")
    with pytest.raises(InputError, match="is damaged"):
        load("cifar10-jpeg", tmp_path, True)


def test_every_data_set_has_a_loader_test():
    tested = {*IDX_FOLDERS, "cifar10", "cifar10-jpeg", "cifar100", "svhn", "digits", "folder"}
    assert tested == set(DATASETS)


def test_digits_are_cut_into_training_and_test_without_overlap():
    train, test = load("digits", None), load("digits", None, False)
    assert (len(train.labels), len(test.labels)) == (1437, 360)
    rows = {image.tobytes() for image in train.images}
    assert sum(image.tobytes() in rows for image in test.images) == 0
    assert train.images.max() == 255
    assert len(np.unique(train.images)) == 17


def test_a_folder_with_a_split_keeps_it(tmp_path):
    write_pictures(tmp_path / "train", count=10)
    write_pictures(tmp_path / "test", count=3)
    train, test = (load(f"folder:{tmp_path}", tmp_path / "data", part) for part in (True, False))
    assert (train.images.shape, test.images.shape) == ((20, 3, 8, 10), (6, 3, 8, 10))
    assert train.classes == ("cat", "dog")


def test_a_folder_without_a_split_is_cut_the_same_way_each_time(tmp_path):
    write_pictures(tmp_path, count=10, size=(8, 8))
    train, test = (load(f"folder:{tmp_path}", tmp_path / "data", part) for part in (True, False))
    assert (len(train.labels), len(test.labels)) == (16, 4)
    assert not {image.tobytes() for image in train.images} & {image.tobytes() for image in test.images}
    np.testing.assert_array_equal(load(f"folder:{tmp_path}", tmp_path / "data").images, train.images)


def test_pictures_without_colour_have_one_channel(tmp_path):
    write_pictures(tmp_path, colour=False)
    assert load(f"folder:{tmp_path}", tmp_path / "data").images.shape[1] == 1


def test_a_picture_is_cropped_about_its_centre_and_turned_as_its_tag_says(tmp_path):
    write_pictures(tmp_path, count=5)
    wide = np.zeros((10, 30, 3), dtype=np.uint8)
    wide[:, 10:20] = 200
    upside = np.zeros((10, 10, 3), dtype=np.uint8)
    upside[:5] = 200
    exif = Image.Exif()
    exif[0x0112] = 3  # orientation: turned by half
    for folder, name, pixels, tag in (("cat", "a", wide, None), ("dog", "a", upside, exif)):
        for copy in range(20):
            Image.fromarray(pixels).save(tmp_path / folder / f"{name}{copy}.png", exif=tag or Image.Exif())
    pictures = load(f"folder:{tmp_path}", tmp_path / "data", side=10)
    square = (pictures.images[:, 0] == 200).all(axis=(1, 2))
    turned = (pictures.images[:, 0, 5:] == 200).all(axis=(1, 2)) & (pictures.images[:, 0, :5] == 0).all(axis=(1, 2))
    assert square.sum() >= 10
    assert turned.sum() >= 10


@pytest.mark.parametrize("name", IDX)
def test_a_damaged_idx_file_is_named(name, tmp_path):
    write_mnist(tmp_path, "MNIST")
    path = tmp_path / "MNIST" / "raw" / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=f"{name} is damaged"):
        load("mnist", tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"\x00\x00\x08\x03", b"not a picture at all", b"\x00\x00\x08\x03" + b"\xff" * 12]
)
def test_a_file_that_is_no_idx_file_is_named(content, tmp_path):
    write_mnist(tmp_path, "MNIST")
    (tmp_path / "MNIST" / "raw" / IDX[0]).write_bytes(content)
    with pytest.raises(InputError, match=f"{IDX[0]} is damaged"):
        load("mnist", tmp_path)


def test_a_damaged_cifar_batch_is_named(tmp_path, monkeypatch):
    write_cifar(tmp_path, torchvision_datasets.CIFAR10, monkeypatch)
    path = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(b"x" + path.read_bytes()[1:])
    with pytest.raises(InputError, match="data_batch_3 is damaged"):
        load("cifar10", tmp_path)


def test_a_damaged_picture_is_named(tmp_path):
    write_pictures(tmp_path)
    (tmp_path / "cat" / "broken.png").write_bytes(b"\x89PNG no more")
    with pytest.raises(InputError, match=r"broken\.png is damaged"):
        [load(f"folder:{tmp_path}", tmp_path / "data", part) for part in (True, False)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda top: None, "cannot be read"),
        (lambda top: top.mkdir(), "a folder per class, two or more; got 0"),
        (lambda top: write_pictures(top, classes=("cat",)), "two or more; got 1"),
        (lambda top: (write_pictures(top), (top / "eel").mkdir()), "eel' must hold pictures"),
        (lambda top: write_pictures(top, count=1), "class 'cat' has 1"),
        (lambda top: write_pictures(top / "train"), "test' cannot be read"),
        (
            lambda top: (write_pictures(top / "train"), write_pictures(top / "test", classes=("cat", "eel"))),
            "only one has dog, eel",
        ),
    ],
)
def test_a_folder_that_is_no_data_set_says_why(make, message, tmp_path):
    make(tmp_path / "pictures")
    with pytest.raises(InputError, match=message):
        load_splits(f"folder:{tmp_path / 'pictures'}", tmp_path, 8)


@pytest.mark.parametrize("dataset", [*IDX_FOLDERS, "cifar10", "cifar100", "svhn"])
def test_without_a_network_the_error_says_what_to_put_where_and_leaves_nothing(dataset, tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    root = tmp_path / "data"
    with pytest.raises(InputError, match=r"could not be downloaded \(.*\): put .+ there, or name the folder"):
        load(dataset, root)
    assert not root.exists()


def test_a_failed_download_keeps_what_was_there(tmp_path, monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: (_ for _ in ()).throw(URLError("no")))
    written = write_mnist(tmp_path, "MNIST")
    (tmp_path / "MNIST" / "raw" / IDX[3]).unlink()
    with pytest.raises(InputError, match=IDX[3]):
        load("mnist", tmp_path)
    assert sorted(path.name for path in (tmp_path / "MNIST" / "raw").iterdir()) == sorted(set(written) - {IDX[3]})
    assert [path.name for path in tmp_path.iterdir()] == ["MNIST"]


@pytest.mark.parametrize("name", ["digts", "folder", "folder:", "mnist:here", ""])
def test_an_unknown_data_set_is_refused(name):
    with pytest.raises(InputError, match="dataset must be"):
        source(name)


@pytest.mark.parametrize(("dataset", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_the_real_files_have_their_published_sizes(dataset, folder, real_data):
    splits, test = load_splits(dataset, real_data, 28), load_test(dataset, real_data, 28)
    assert (len(splits.train.labels), len(splits.val.labels), len(test.labels)) == (48_000, 12_000, 10_000)
    mean = {"mnist": 0.1307, "fashion-mnist": 0.2860}[dataset]  # as published for the 60,000 training pictures
    assert splits.mean.item() / 255 == pytest.approx(mean, abs=2e-3)


@pytest.mark.parametrize("mode", ["I;16", "I"])
def test_pictures_of_sixteen_bits_keep_their_levels(mode, tmp_path):
    levels = np.linspace(0, 65535, 64).reshape(8, 8)
    kind = np.uint16 if mode == "I;16" else np.int32
    Image.fromarray(levels.astype(kind)).save(tmp_path / "deep.png" if mode == "I;16" else tmp_path / "deep.tiff")
    (file,) = tmp_path.iterdir()
    with Image.open(file) as image:
        assert image.mode == mode
    assert np.abs(read_picture(file, (8, 8))[0] - levels / 257).max() <= 1


def test_pictures_beyond_sixteen_bits_are_refused(tmp_path):
    Image.fromarray(np.full((8, 8), 70000, np.int32)).save(tmp_path / "deep.tiff")
    with pytest.raises(InputError, match="levels run from 70000 to 70000"):
        read_picture(tmp_path / "deep.tiff", (8, 8))

"""Data sets of the user's own, in each form in which they may be given."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hyperstudy.study.core.config import Config
from hyperstudy.study.core.data.datasets import DATASETS
from hyperstudy.study.core.data.mapped import Mapped
from hyperstudy.study.core.data.own_pictures import pictures
from hyperstudy.study.core.data.splits import SCALINGS, Splits, load_splits, load_test
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.train import train

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 3, 6, 10), dtype=np.uint8)
LABELS = np.arange(40) % 4


def loaded(monkeypatch, *given, **words) -> Splits:
    """The splits of a data set that was made a row, with its test pictures."""
    monkeypatch.setitem(DATASETS, "mine", pictures(*given, **words))
    return load_splits("mine", Path("nowhere"), 6)._replace(test=load_test("mine", Path("nowhere"), 6))


def every_picture(splits: Splits) -> dict[bytes, int]:
    """The label of each picture of all three parts."""
    return {
        image.contiguous().numpy().tobytes(): int(label)
        for part in (splits.train, splits.val, splits.test)
        for image, label in zip(torch.cat(list(part.images.split(1000))), part.labels, strict=True)
    }


EXPECTED = {image.tobytes(): int(label) for image, label in zip(IMAGES, LABELS, strict=True)}


class Torchvision:
    """As torchvision's data sets are: pairs, and the names of the classes."""

    def __init__(self, pictures, classes=None):
        self.pictures, self.classes = pictures, classes

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, row):
        return self.pictures[row], int(LABELS[row])


class HuggingFace:
    """As Hugging Face's data sets are: mappings, and features of which the label's has names."""

    class Label:
        names = ("ant", "bee", "cat", "dog")

    def __init__(self):
        self.features = {"image": object(), "label": self.Label()}

    def __len__(self):
        return len(IMAGES)

    def __getitem__(self, row):
        return {"image": Image.fromarray(IMAGES[row].transpose(1, 2, 0)), "label": int(LABELS[row])}


AS_PILLOW = [Image.fromarray(image.transpose(1, 2, 0)) for image in IMAGES]
FORMS = {
    "arrays": (IMAGES, LABELS),
    "a list of labels": (IMAGES, LABELS.tolist()),
    "channels last": (IMAGES.transpose(0, 2, 3, 1), LABELS),
    "tensors": (torch.from_numpy(IMAGES), torch.from_numpy(LABELS)),
    "a function": lambda: (IMAGES, LABELS),
    "a function of torchvision's": lambda: Torchvision(AS_PILLOW),
    "torchvision's tensors": Torchvision(torch.from_numpy(IMAGES)),
    "torchvision's arrays": Torchvision(IMAGES.transpose(0, 2, 3, 1)),
    "a list of pairs": list(zip(AS_PILLOW, LABELS, strict=True)),
    "Hugging Face's": HuggingFace(),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_the_same_pictures_and_labels_in_three_parts(form, monkeypatch):
    splits = loaded(monkeypatch, FORMS[form])
    assert every_picture(splits) == EXPECTED
    assert [len(part.labels) for part in (splits.train, splits.val, splits.test)] == [25, 7, 8]
    assert splits.test.labels.bincount().tolist() == [2, 2, 2, 2]
    assert splits.shape == (3, 6, 10)


def test_a_memory_mapped_array_stays_in_its_file(tmp_path, monkeypatch):
    np.save(tmp_path / "images.npy", np.concatenate([IMAGES[:3], IMAGES]).transpose(0, 2, 3, 1))
    images = np.load(tmp_path / "images.npy", mmap_mode="r")[3:]
    splits = loaded(monkeypatch, (images, LABELS))
    assert all(isinstance(part.images, Mapped) for part in (splits.train, splits.val, splits.test))
    assert every_picture(splits) == EXPECTED
    in_memory = loaded(monkeypatch, (IMAGES, LABELS))
    assert splits.digest == in_memory.digest
    assert torch.equal(splits.mean, in_memory.mean)


def test_pictures_without_colour_have_one_channel(monkeypatch):
    grey = IMAGES[:, :1].repeat(3, axis=1)
    splits = loaded(monkeypatch, Torchvision([Image.fromarray(image.transpose(1, 2, 0)) for image in grey]))
    assert splits.shape == (1, 6, 10)
    assert loaded(monkeypatch, (IMAGES[:, 0], LABELS)).shape == (1, 6, 10)
    assert loaded(monkeypatch, (grey, LABELS)).shape == (3, 6, 10), "an array is taken as it is"


def test_a_test_set_of_its_own_is_kept_whole(monkeypatch):
    splits = loaded(monkeypatch, (IMAGES[:30], LABELS[:30]), lambda: (IMAGES[30:], LABELS[30:]))
    np.testing.assert_array_equal(splits.test.images, IMAGES[30:])
    assert splits.test.labels.tolist() == LABELS[30:].tolist()
    assert len(splits.train.labels) + len(splits.val.labels) == 30


@pytest.mark.parametrize(
    ("labels", "classes", "names"),
    [
        (LABELS, None, ("0", "1", "2", "3")),
        (LABELS + 8, None, ("8", "9", "10", "11")),
        (np.array(["dog", "bee", "cat", "ant"])[LABELS], None, ("ant", "bee", "cat", "dog")),
        (LABELS, ["w", "x", "y", "z", "never"], ("w", "x", "y", "z", "never")),
        (np.array(["dog", "bee", "cat", "ant"])[LABELS], ["dog", "cat", "bee", "ant"], ("dog", "cat", "bee", "ant")),
        ([("left", "right")[label % 2] for label in LABELS], None, ("left", "right")),
    ],
)
def test_classes_are_the_labels_in_their_order_unless_they_are_named(labels, classes, names, monkeypatch):
    splits = loaded(monkeypatch, (IMAGES, labels), classes=classes)
    assert splits.classes == names
    by_picture = every_picture(splits)
    for image, label in zip(IMAGES, labels, strict=True):
        said = splits.classes[by_picture[image.tobytes()]]
        assert said == str(label) or (classes and said == classes[label])


def test_names_come_from_the_data_set(monkeypatch):
    assert loaded(monkeypatch, HuggingFace()).classes == ("ant", "bee", "cat", "dog")
    assert loaded(monkeypatch, Torchvision(AS_PILLOW, ["a", "b", "c", "d"])).classes == ("a", "b", "c", "d")
    assert loaded(monkeypatch, HuggingFace(), classes="wxyz").classes == ("w", "x", "y", "z")


def test_labels_of_the_test_pictures_mean_the_same_classes(monkeypatch):
    splits = loaded(monkeypatch, (IMAGES, LABELS + 5), (IMAGES[:8], LABELS[:8] + 5))
    assert splits.test.labels.tolist() == LABELS[:8].tolist()


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, ">f8"])
def test_floats_are_kept_and_white_is_one(kind, monkeypatch, tmp_path):
    np.save(tmp_path / "images.npy", (IMAGES / 255).astype(kind))
    for images in (np.load(tmp_path / "images.npy"), np.load(tmp_path / "images.npy", mmap_mode="r")):
        splits = loaded(monkeypatch, (images, LABELS))
        assert splits.train.images.dtype == torch.float32
        for scaling, ends in (("unit", (0, 1)), ("symmetric", (-1, 1))):
            shift, scale = SCALINGS[scaling](splits)
            assert ((torch.tensor([0.0, 1.0]) - shift) / scale)[0].flatten().tolist() == pytest.approx(ends)
        epochs = list(train(Config(dataset="mine", model="softmax", epochs=1, image_size=4, border=1), splits))
        assert np.isfinite(epochs[-1].metrics["val/loss"])


def test_the_deviation_of_a_constant_channel_is_one_level(monkeypatch):
    flat = np.full((40, 6, 10), 0.5, np.float32)
    assert loaded(monkeypatch, (flat, LABELS)).std.item() == pytest.approx(1 / 255)


def test_the_default_size_is_the_shorter_side_and_data_are_read_for_it_alone(monkeypatch):
    calls = []
    monkeypatch.setitem(DATASETS, "mine", pictures(lambda: calls.append(1) or (IMAGES, LABELS)))
    assert Config(dataset="mine", image_size=8).image_size == 8
    assert calls == []
    assert Config(dataset="mine").image_size == 6
    load_splits("mine", Path("nowhere"), 6)
    assert calls == [1]


def nan():
    images = IMAGES / 255
    images[7, 0, 0, 0] = np.nan
    return images


def pairs_of(*pictures):
    return [(picture, row % 2) for row, picture in enumerate(pictures)]


BAD = {
    "fewer labels": ((IMAGES, LABELS[:39]), "training data must have a label per picture; got 40 and 39"),
    "unknown label": (
        (IMAGES, LABELS),
        "label of training picture 3 must be one of 'a', 'b', 'c'; got '3'",
        None,
        "abc",
    ),
    "unknown test label": ((IMAGES, LABELS), "label of test picture 1 must be one of", (IMAGES[:2], [0, 9])),
    "negative label": ((IMAGES, LABELS - 1), "label of training picture 0 must be 0 or more; got -1"),
    "a number for a label": (
        (IMAGES, LABELS / 2),
        "label of training picture 0 must be a whole number or a name; got 0.0",
    ),
    "rows for labels": ((IMAGES, np.eye(4)[LABELS]), "must be a whole number or a name; got [1.0, 0.0, 0.0, 0.0]"),
    "one class": ((IMAGES, LABELS * 0), "must have two classes or more; got 0"),
    "another shape": (
        (IMAGES, LABELS),
        "the training pictures' shape, (3, 6, 10); got (3, 6, 8)",
        (IMAGES[..., :8], LABELS),
    ),
    "objects": ((IMAGES.astype(object), LABELS), "must be uint8 (0 to 255) or floats (0 to 1) of one size; got object"),
    "int64": ((IMAGES.astype(int), LABELS), "got int64: convert them, for example with images.astype('uint8')"),
    "NaN": ((nan(), LABELS), "pixels must be finite numbers; training picture 7 has another"),
    "nothing": ((IMAGES[:0], LABELS[:0]), "training data must hold pictures; got none"),
    "an empty data set": ([], "training data must hold pictures; got none"),
    "two axes": ((IMAGES[0, 0], LABELS[:6]), "(N, H, W), (N, C, H, W) or (N, H, W, C); got shape (6, 10)"),
    "no data set": (7, "training data must be a pair (images, labels), a data set of pictures with"),
    "a mapping": ({"image": IMAGES}, "or a function that returns one; got dict"),
    "two sizes": (pairs_of(IMAGES[0], IMAGES[1, ..., :5]), "picture 1 has (3, 6, 5) and uint8: resize them"),
    "other columns": ([{"img": 1, "label": 2}] * 3, "must have 'image' and 'label'; got img, label"),
    "a name beside none": (
        (IMAGES, ["a", None] * 20),
        "label of training picture 1 must be a whole number or a name; got None",
    ),
    "one label": ((IMAGES, 3), "labels of training data must be a list or an array, one number or name each; got 3"),
    "arrays for labels": (
        [(image, np.array([1, 2])) for image in IMAGES],
        "one number or name each; got [array([1, 2]),",
    ),
    "a number of classes": ((IMAGES, LABELS), "classes must be a list of names; got 4", None, 4),
    "lists for classes": ((IMAGES, LABELS), "classes must be a list of names; got [[1], [2]]", None, [[1], [2]]),
    "no UTF-8": ((IMAGES, LABELS), "names of classes must be UTF-8; got 'a\\udce4'", None, ["a\udce4", *"bcd"]),
    "no height": ((IMAGES[:, 0, :0], LABELS), "(N, H, W, C); got shape (40, 0, 10)"),
    "one number": ((np.uint8(3), LABELS), "training data must have a label per picture; got 1 and 40"),
    "a sparse tensor": ((torch.zeros(40, 6, 10).to_sparse(), LABELS), "images must be a dense tensor or an array"),
    "beyond 32 bits": ((IMAGES * 1e300, LABELS), "pixels must be finite numbers; training picture 0 has another"),
    "floats for bytes": (
        (IMAGES, LABELS),
        "must both be uint8 or both be floats; got uint8 and float64",
        (IMAGES / 255, LABELS),
    ),
    "a function that fails": (lambda: 1 / 0, "training data cannot be read: ZeroDivisionError: division by zero"),
    "a file that is not there": (lambda: np.load("nowhere.npy"), "data 'nowhere.npy' cannot be read: No such file"),
    "no labels": ([IMAGES[0]] * 3, "must be a picture and its label; got ndarray"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_one_line_that_says_why(case, monkeypatch):
    given, message, test, classes = (*BAD[case], None, None)[:4]
    with pytest.raises(InputError) as raised:
        loaded(monkeypatch, given, test, classes)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_item_that_cannot_be_read_is_named(monkeypatch):
    class Damaged(Torchvision):
        def __getitem__(self, row):
            if row == 5:
                raise OSError("image file is truncated")
            return super().__getitem__(row)

    with pytest.raises(InputError, match="training picture 5 cannot be read: OSError: image file is truncated"):
        loaded(monkeypatch, Damaged(AS_PILLOW))

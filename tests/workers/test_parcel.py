"""A task that is packed and unpacked is the same, and shares its arrays."""

import pickle

import numpy as np
import pytest
import torch

from hyperstudy.study.core.config import Config
from hyperstudy.study.core.data.mapped import Mapped, mapped
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.train import train
from hyperstudy.study.tasks.loop import LoopTask
from hyperstudy.study.tasks.pictures import PicturesTask
from hyperstudy.study.workers.parcel import packed, unpacked

PLENTY = 1e12


def read_only(parcel):
    """As Ray gives arrays."""
    for array in parcel.arrays:
        array.flags.writeable = False
    return parcel


@pytest.mark.parametrize("floats", [False, True])
def test_trials_on_read_only_arrays_are_the_same(digits, floats):
    if floats:
        parts = (part._replace(images=part.images / 255) for part in (digits.train, digits.val))
        digits = digits._replace(**dict(zip(("train", "val"), parts, strict=True)))
    parcel = packed(PicturesTask("data", digits), PLENTY)
    copies = parcel._replace(arrays=[array.copy() for array in parcel.arrays])
    task = unpacked(read_only(copies))
    config = Config(model="mlp", epochs=2)
    (*_, epoch), (*_, expected) = train(config, task.splits), train(config, digits)
    assert epoch.metrics["val/loss"] == expected.metrics["val/loss"]


def test_pictures_are_not_copied_and_labels_are(digits):
    task = unpacked(packed(PicturesTask("data", digits), PLENTY))
    assert task.splits.train.images.data_ptr() == digits.train.images.data_ptr()
    assert task.splits.train.labels.data_ptr() != digits.train.labels.data_ptr()
    assert task.splits._replace(train=None, val=None, mean=None, std=None) == digits._replace(
        train=None, val=None, mean=None, std=None
    )


def test_pictures_that_stand_in_two_places_are_packed_once(digits):
    parcel = packed(PicturesTask("data", digits._replace(test=digits.val)), PLENTY)
    assert len(parcel.arrays) == 6  # two parts of pictures and labels, mean, standard deviation
    splits = unpacked(parcel).splits
    assert splits.test.images is splits.val.images


def test_pictures_in_a_file_are_read(digits, tmp_path):
    np.save(tmp_path / "train.npy", digits.train.images.numpy())
    images = mapped(np.load(tmp_path / "train.npy", mmap_mode="r"))
    assert isinstance(images, Mapped)
    parcel = packed(PicturesTask("data", digits._replace(train=digits.train._replace(images=images))), PLENTY)
    (tmp_path / "train.npy").unlink()
    assert torch.equal(unpacked(parcel).splits.train.images, digits.train.images)


@pytest.mark.parametrize("in_file", [False, True])
def test_data_that_do_not_fit_are_refused_before_they_are_read(digits, in_file, tmp_path):
    if in_file:
        np.save(tmp_path / "train.npy", digits.train.images.numpy())
        images = mapped(np.load(tmp_path / "train.npy", mmap_mode="r"))
        digits = digits._replace(train=digits.train._replace(images=images))
    with pytest.raises(InputError, match=r"more than the 5e-05 GB of the smallest: .* --object-store-memory"):
        packed(PicturesTask("data", digits), 5e4)


def test_a_loop_is_its_name():
    parcel = packed(LoopTask("regression", True), 0)
    assert parcel.arrays == []
    assert unpacked(pickle.loads(pickle.dumps(parcel))) == LoopTask("regression", True)

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from study.data import Part, load_splits, load_test


def test_validation_is_a_stratified_fifth(digits):
    assert len(digits.val.labels) == round(0.2 * 1437 + 0.5)
    shares = [torch.bincount(part.labels, minlength=10) / len(part.labels) for part in (digits.train, digits.val)]
    assert (shares[0] - shares[1]).abs().max() < 0.01


def test_the_cut_is_the_same_every_time(digits):
    again = load_splits("digits", Path("data"), 8)
    assert torch.equal(again.val.images, digits.val.images)
    assert again.digest == digits.digest


def test_training_validation_and_test_share_no_picture(digits):
    parts = [digits.train, digits.val, load_test("digits", Path("data"), 8)]
    keys = [{image.numpy().tobytes() for image in part.images} for part in parts]
    assert not keys[0] & keys[1]
    assert not (keys[0] | keys[1]) & keys[2]


def test_normalisation_comes_from_the_training_pictures_alone(digits):
    pixels = digits.train.images.numpy().astype(float)
    assert digits.mean.item() == pytest.approx(pixels.mean(), rel=1e-6)
    assert digits.std.item() == pytest.approx(pixels.std(), rel=1e-3)


def test_resizing_agrees_with_pillow():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 1, 28, 28), dtype=np.uint8)
    resized = Part(torch.from_numpy(pixels), torch.zeros(4)).resized(14).images[:, 0].numpy()
    expected = [np.asarray(Image.fromarray(image[0]).resize((14, 14), Image.Resampling.BILINEAR)) for image in pixels]
    assert np.abs(resized.astype(int) - np.stack(expected)).max() <= 1


def test_resizing_to_the_same_size_copies_nothing(digits):
    assert digits.train.resized(8).images is digits.train.images


def test_the_digest_changes_with_one_pixel_one_label_or_a_class_name(tmp_path):
    def digest():
        return load_splits(f"folder:{tmp_path}", Path("data"), 8).digest

    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for index in range(10):
            Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(tmp_path / name / f"{index}.png")
    before = digest()
    assert digest() == before
    (tmp_path / "b").rename(tmp_path / "c")
    renamed = digest()
    changed = np.array(Image.open(tmp_path / "a" / "0.png"))
    changed[0, 0] ^= 1
    for index in range(10):  # in whichever part of the cut the picture lies
        Image.fromarray(changed).save(tmp_path / "a" / f"{index}.png")
    assert len({before, renamed, digest()}) == 3


def test_a_constant_channel_does_not_divide_by_zero(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for index in range(10):
            Image.new("L", (8, 8), 7).save(tmp_path / name / f"{index}.png")
    splits = load_splits(f"folder:{tmp_path}", Path("data"), 8)
    assert splits.std.item() == 1.0

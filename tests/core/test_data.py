from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hyperstudy.study.core.data.splits import (
    SCALINGS,
    Part,
    drawable,
    framed_shape,
    load_published,
    load_splits,
    load_test,
    mean_and_std,
)


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


def test_a_border_is_black_and_part_of_the_size():
    """As torchvision pads and resizes: 32 pixels with 4 more on each side, at 32 again."""
    from torchvision.transforms import v2

    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8))
    framed = Part(pixels, torch.zeros(3)).framed(32, 4).images
    assert framed.shape == pixels.shape
    expected = v2.Resize(32, antialias=True)(v2.Pad(4)(pixels))
    assert (framed.int() - expected.int()).abs().max() <= 1
    assert (framed[..., :3, :] == 0).all()


@pytest.mark.parametrize(("side", "border", "size"), [(12, 0, (12, 20)), (48, 0, (48, 80)), (12, 4, (12, 18))])
def test_the_size_is_the_shorter_side_and_proportions_are_kept(side, border, size):
    """With a border of 4 pixels 24 x 40 are 32 x 48."""
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (5, 3, 24, 40), dtype=np.uint8))
    for images in (pixels, pixels.transpose(2, 3)):
        framed = Part(images, torch.zeros(5)).framed(side, border).images
        expected = (3, *size) if images is pixels else (3, *size[::-1])
        assert tuple(framed.shape[1:]) == framed_shape(images.shape[1:], side, border) == expected
        assert Part(framed, torch.zeros(5)).resized(side).images is framed


def test_floats_are_resized_without_rounding():
    pixels = torch.rand(4, 1, 8, 8)
    resized = Part(pixels, torch.zeros(4)).resized(4).images
    assert resized.dtype == torch.float32
    assert resized.mean().item() == pytest.approx(pixels.mean().item(), abs=0.05)
    assert len(resized.unique()) == 64


@pytest.mark.parametrize(("channels", "shown"), [(1, 1), (2, 1), (3, 3), (5, 3)])
def test_any_pictures_can_be_drawn(channels, shown):
    levels = torch.linspace(-0.1, 1.1, 12).expand(channels, 1, 12)[None]
    drawn = drawable(levels)
    assert drawn.dtype == torch.uint8
    assert tuple(drawn.shape) == (1, shown, 1, 12)
    assert (drawn[0, 0, 0, 0].item(), drawn[0, 0, 0, -1].item()) == (0, 255)
    assert drawable(drawn) is not None


def test_statistics_in_chunks_are_those_of_the_whole():
    images = torch.randint(0, 256, (3000, 3, 4, 5), dtype=torch.uint8)
    std, mean = torch.std_mean(images.double(), (0, 2, 3))
    found = mean_and_std(images)
    assert found[0] == pytest.approx(mean.tolist(), rel=1e-6)
    assert found[1] == pytest.approx(std.tolist(), rel=1e-6)


def test_without_a_border_pictures_of_the_right_size_are_left_alone(digits):
    assert digits.train.framed(8, 0).images is digits.train.images


@pytest.mark.parametrize(("scaling", "ends"), [("unit", (0, 1)), ("symmetric", (-1, 1))])
def test_a_scaling_brings_black_and_white_to_its_ends(digits, scaling, ends):
    shift, scale = SCALINGS[scaling](digits)
    assert ((torch.tensor([0.0, 255.0]) - shift) / scale).flatten().tolist() == pytest.approx(ends)


def test_standardised_training_pixels_have_mean_0_and_deviation_1(digits):
    shift, scale = SCALINGS["standardised"](digits)
    pixels = (digits.train.images.float() - shift) / scale
    assert pixels.mean().item() == pytest.approx(0, abs=1e-4)
    assert pixels.std().item() == pytest.approx(1, abs=1e-3)


def test_published_recipes_train_on_all_and_validate_on_the_test_pictures(digits):
    whole, test = load_published("digits", Path("data"), 8), load_test("digits", Path("data"), 8)
    assert len(whole.train.labels) == len(digits.train.labels) + len(digits.val.labels)
    assert torch.equal(whole.val.images, test.images)
    assert whole.mean.item() == pytest.approx(whole.train.images.float().mean().item())


def test_the_digest_changes_with_one_pixel_one_label_or_a_class_name(tmp_path):
    def digest():
        return load_splits(f"folder:{tmp_path}", tmp_path / ".data", 8).digest

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
    splits = load_splits(f"folder:{tmp_path}", tmp_path / ".data", 8)
    assert splits.std.item() == 1.0

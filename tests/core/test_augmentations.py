"""Augmented pictures against a search through everything that may come of each."""

from collections import Counter

import pytest
import torch
from torch.nn import functional

from hyperstudy.study.core.augmentations import AUGMENTATIONS


def pictures(count=300, channels=3, height=16, width=24):
    return torch.randint(1, 256, (count, channels, height, width), dtype=torch.uint8, generator=seeded(0))


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def places(image, height, width, padding):
    """Every picture that may come of one: `(mirrored, top, left)` and its pixels."""
    for mirrored in (False, True):
        turned = torch.stack([row.fliplr() for row in image]) if mirrored else image
        padded = functional.pad(turned, (padding[1], padding[1], padding[0], padding[0]))
        for top in range(2 * padding[0] + 1):
            for left in range(2 * padding[1] + 1):
                yield (mirrored, top, left), padded[:, top : top + height, left : left + width]


def found_places(name, padding):
    images = pictures()
    changed = AUGMENTATIONS[name](images, seeded(1))
    found = []
    for image, new in zip(images, changed, strict=True):
        (place,) = [place for place, there in places(image, *image.shape[1:], padding) if torch.equal(there, new)]
        found.append(place)
    return found


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 24), (3, 5, 32)])
def test_pictures_stay_of_their_size_and_type_and_the_seed_decides(name, shape):
    images = pictures(50, *shape)
    before = images.clone()
    first, again, other = (AUGMENTATIONS[name](images, seeded(seed)) for seed in (1, 1, 2))
    assert (first.shape, first.dtype) == (images.shape, torch.uint8)
    assert torch.equal(first, again)
    assert torch.equal(first, other) == (name == "none")
    assert torch.equal(images, before)


def test_none_changes_no_picture_and_draws_nothing():
    images, generator = pictures(), seeded(1)
    assert AUGMENTATIONS["none"](images, generator) is images
    assert torch.equal(generator.get_state(), seeded(1).get_state())


def test_half_of_the_pictures_are_mirrored_each_on_its_own():
    mirrored = [place[0] for place in found_places("flip", (0, 0))]
    assert sum(mirrored) == pytest.approx(150, abs=4 * 300**0.5 / 2)


def test_crops_lie_everywhere_in_the_picture_padded_by_an_eighth():
    """16 x 24 pixels, padded by 2 and 3: 5 x 7 places, each as likely, all pixels of a picture moved together."""
    found = found_places("flip-crop", (2, 3))
    assert {top for _, top, _ in found} == set(range(5))
    assert {left for _, _, left in found} == set(range(7))
    assert {mirrored for mirrored, _, _ in found} == {False, True}
    for part, options in ((1, 5), (2, 7)):
        counts = Counter(place[part] for place in found).values()
        expected = 300 / options
        assert sum((count - expected) ** 2 / expected for count in counts) < 25  # chi-squared; p < 0.001 at 6 degrees
    assert len({(top, left) for _, top, left in found}) > 30

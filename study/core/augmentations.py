"""Random changes of training pictures by name: `AUGMENTATIONS[name](images, generator)`.

Pictures are uint8 `(N, C, H, W)` before and after, on the generator's device; each picture is changed on its own.
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional

PADDING = 8  # a picture is padded by its side divided by this


def none(images: Tensor, generator: Generator) -> Tensor:
    return images


def flip(images: Tensor, generator: Generator) -> Tensor:
    """Each picture mirrored left to right with probability 1/2."""
    mirrored = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device) < 0.5
    return torch.where(mirrored, images.flip(3), images)


def flip_crop(images: Tensor, generator: Generator) -> Tensor:
    """Flipped, then cut to their size at a random place of the black-padded picture (He et al. 2016, section 4.2)."""
    count, _, height, width = images.shape
    rows, columns = height // PADDING, width // PADDING
    padded = functional.pad(flip(images, generator), (columns, columns, rows, rows))
    top, left = (
        torch.randint(2 * most + 1, (count,), generator=generator, device=images.device) for most in (rows, columns)
    )
    crops = padded.unfold(2, height, 1).unfold(3, width, 1)  # (N, C, tops, lefts, H, W); a view
    return crops[torch.arange(count, device=images.device), :, top, left]


AUGMENTATIONS: dict[str, Callable[[Tensor, Generator], Tensor]] = {"none": none, "flip": flip, "flip-crop": flip_crop}

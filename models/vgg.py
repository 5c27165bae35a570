"""VGG (Simonyan & Zisserman 2015) with batch norm, and a network of two such stacks side by side."""

import torch
from torch import Tensor, nn

from hyperstudy.models.activations import ACTIVATIONS

CONVOLUTIONS = {  # per stage, by the number of layers with weights: configurations A, B, D and E of the paper
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
MAPS = (64, 128, 256, 512, 512)
UNITS = 4096


class Branches(nn.Module):
    """Stacks that see the same picture; their outputs are concatenated."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([branch(images) for branch in self.branches], dim=1)


def vgg(
    shape: tuple[int, int, int], classes: int, depth: int, activation: str, width: float, dropout: float
) -> nn.Module:
    """Five stages of 3x3 convolutions, batch norm and activation, each pooled to half its side, then three linear
    layers with dropout after the two hidden ones.

    Pooling stops at a side of one pixel, so that every picture fits. At 224x224 in colour and a thousand classes VGG-16
    has 138,365,992 parameters.
    """
    stack, outputs = _stack(shape, depth, activation, width)
    return nn.Sequential(*stack, *_classifier(outputs, classes, activation, width, dropout))


def two_branch_vgg(
    shape: tuple[int, int, int], classes: int, depth: int, activation: str, width: float, dropout: float
) -> nn.Module:
    """Two stacks of VGG's convolutions with weights of their own, joined before VGG's classifier."""
    (one, outputs), (two, _) = (_stack(shape, depth, activation, width) for _ in range(2))
    branches = Branches(nn.Sequential(*one), nn.Sequential(*two))
    return nn.Sequential(branches, *_classifier(2 * outputs, classes, activation, width, dropout))


def _stack(shape: tuple[int, int, int], depth: int, activation: str, width: float) -> tuple[list[nn.Module], int]:
    """The convolutional layers, flattened at the end, and the number of their outputs."""
    channels, height, width_px = shape
    layers: list[nn.Module] = []
    for convolutions, count in zip(CONVOLUTIONS[depth], MAPS, strict=True):
        maps = max(1, round(count * width))
        for _ in range(convolutions):
            layers += [nn.Conv2d(channels, maps, 3, padding=1), nn.BatchNorm2d(maps), ACTIVATIONS[activation]()]
            channels = maps
        if min(height, width_px) >= 2:
            layers.append(nn.MaxPool2d(2))
            height, width_px = height // 2, width_px // 2
    return [*layers, nn.Flatten()], channels * height * width_px


def _classifier(inputs: int, classes: int, activation: str, width: float, dropout: float) -> list[nn.Module]:
    units, act = max(1, round(UNITS * width)), ACTIVATIONS[activation]
    hidden = [nn.Linear(inputs, units), act(), nn.Dropout(dropout), nn.Linear(units, units), act(), nn.Dropout(dropout)]
    return [*hidden, nn.Linear(units, classes)]

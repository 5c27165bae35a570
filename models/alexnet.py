"""AlexNet (Krizhevsky, Sutskever & Hinton 2012) in the single-tower form of Krizhevsky 2014, which is taught today."""

from torch import nn

from hyperstudy.models.activations import ACTIVATIONS

MAPS = (64, 192, 384, 256, 256)
UNITS = 4096
SIDE = 6  # of the last maps, at 224 pixels


def alexnet(shape: tuple[int, int, int], classes: int, activation: str, width: float, dropout: float) -> nn.Module:
    """Five convolutions, three of them pooled, and two hidden linear layers, with dropout before each.

    The last maps are averaged to 6x6, so that any picture from 63 pixels up fits. At 224x224 in colour and a thousand
    classes: 61,100,840 parameters.
    """
    maps = [max(1, round(count * width)) for count in MAPS]
    units, act = max(1, round(UNITS * width)), ACTIVATIONS[activation]
    return nn.Sequential(
        *(nn.Conv2d(shape[0], maps[0], 11, stride=4, padding=2), act(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(maps[0], maps[1], 5, padding=2), act(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(maps[1], maps[2], 3, padding=1), act()),
        *(nn.Conv2d(maps[2], maps[3], 3, padding=1), act()),
        *(nn.Conv2d(maps[3], maps[4], 3, padding=1), act(), nn.MaxPool2d(3, 2)),
        *(nn.AdaptiveAvgPool2d(SIDE), nn.Flatten()),
        *(nn.Dropout(dropout), nn.Linear(maps[4] * SIDE**2, units), act()),
        *(nn.Dropout(dropout), nn.Linear(units, units), act()),
        nn.Linear(units, classes),
    )

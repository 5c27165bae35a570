"""LeNet-5 (LeCun et al. 1998, section II.B) in the form in which it is taught today."""

from itertools import pairwise

from torch import nn

from hyperstudy.models.activations import ACTIVATIONS


def lenet(
    shape: tuple[int, int, int], classes: int, depth: int, activation: str, width: float, dropout: float
) -> nn.Module:
    """Two 5x5 convolutions of 6 and 16 maps, each pooled to half its side, then `depth` hidden linear layers.

    LeNet-5 has depth 2: 120 and 84 units; further layers have 84. Deviations from the paper: the first convolution
    pads a 28x28 picture instead of taking a 32x32 one, every map of the second sees all of the first, pooling takes
    the maximum and has no weights, and the output layer is linear. At 28x28 in ten classes: 61,706 parameters.
    """
    layers, inputs = _convolutions(shape, 5, activation, width)
    for layer in range(depth):
        units = max(1, round((120 if layer == 0 else 84) * width))
        layers += [nn.Linear(inputs, units), ACTIVATIONS[activation](), nn.Dropout(dropout)]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, classes))


def linear_lenet(shape: tuple[int, int, int], classes: int, activation: str, width: float) -> nn.Module:
    """The variant of a tutorial on MNIST: the first convolution is 3x3, and the linear layers of 120, 84 and `classes`
    units have no activation between them, so that together they are one linear map."""
    layers, inputs = _convolutions(shape, 3, activation, width)
    hidden = [max(1, round(units * width)) for units in (120, 84)]
    return nn.Sequential(*layers, *(nn.Linear(*ends) for ends in pairwise([inputs, *hidden, classes])))


def _convolutions(
    shape: tuple[int, int, int], first_side: int, activation: str, width: float
) -> tuple[list[nn.Module], int]:
    """The two pooled convolutions, flattened at the end, and the number of their outputs."""
    channels, height, width_px = shape
    first, second = (max(1, round(maps * width)) for maps in (6, 16))
    act = ACTIVATIONS[activation]
    layers: list[nn.Module] = [
        *(nn.Conv2d(channels, first, first_side, padding=first_side // 2), act(), nn.MaxPool2d(2)),
        *(nn.Conv2d(first, second, 5), act(), nn.MaxPool2d(2)),
        nn.Flatten(),
    ]
    return layers, second * ((height // 2 - 4) // 2) * ((width_px // 2 - 4) // 2)

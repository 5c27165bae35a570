"""LeNet-5 (LeCun et al. 1998, section II.B) in the form in which it is taught today."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from models.activations import ACTIVATIONS, pooled

LANES = 8  # floats in a vector of most processors


class LanedConv2d(nn.Conv2d):
    """A convolution whose 6 or 7 maps are filled up to 8 by empty ones, which it also takes in and ignores.

    Convolving and pooling eight maps takes a processor nine tenths of the time of six; from fewer or more than eight,
    filling up costs more than it saves. Parameters and results are those of `nn.Conv2d`.
    """

    def __init__(self, *arguments: int, padding: int = 0) -> None:
        super().__init__(*arguments, padding=padding)
        self.empty = max(0, LANES - self.out_channels) if self.out_channels >= LANES - 2 else 0

    def forward(self, images: Tensor) -> Tensor:
        ignored = images.shape[1] - self.in_channels
        weight = functional.pad(self.weight, (0, 0, 0, 0, 0, ignored, 0, self.empty))
        return self._conv_forward(images, weight, functional.pad(self.bias, (0, self.empty)))


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
    """As a tutorial on MNIST has it: the first convolution 3x3, and nothing between the linear layers of 120, 84 and
    `classes` units, which together are then no more than one."""
    layers, inputs = _convolutions(shape, 3, activation, width)
    hidden = [max(1, round(units * width)) for units in (120, 84)]
    return nn.Sequential(*layers, *(nn.Linear(*ends) for ends in pairwise([inputs, *hidden, classes])))


def _convolutions(
    shape: tuple[int, int, int], first_side: int, activation: str, width: float
) -> tuple[list[nn.Module], int]:
    """The two pooled convolutions, flattened at the end, and the number of their outputs."""
    channels, height, width_px = shape
    first, second = (max(1, round(maps * width)) for maps in (6, 16))
    layers: list[nn.Module] = [
        *(LanedConv2d(channels, first, first_side, padding=first_side // 2), *pooled(activation)),
        *(LanedConv2d(first, second, 5), *pooled(activation)),
        nn.Flatten(),
    ]
    return layers, second * ((height // 2 - 4) // 2) * ((width_px // 2 - 4) // 2)

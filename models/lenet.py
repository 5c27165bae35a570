"""LeNet-5 (LeCun et al. 1998, section II.B) in the form in which it is taught today."""

from torch import nn

from models.activations import ACTIVATIONS


def lenet(
    shape: tuple[int, int, int], classes: int, depth: int, activation: str, width: float, dropout: float
) -> nn.Module:
    """Two 5x5 convolutions of 6 and 16 maps, each pooled to half its side, then `depth` hidden linear layers.

    LeNet-5 has depth 2: 120 and 84 units; further layers have 84. Deviations from the paper: the first convolution
    pads a 28x28 picture instead of taking a 32x32 one, every map of the second sees all of the first, pooling takes
    the maximum and has no weights, and the output layer is linear. At 28x28 in ten classes: 61,706 parameters.
    """
    channels, height, width_px = shape
    first, second = (max(1, round(maps * width)) for maps in (6, 16))
    layers: list[nn.Module] = [
        *(nn.Conv2d(channels, first, 5, padding=2), ACTIVATIONS[activation](), nn.MaxPool2d(2)),
        *(nn.Conv2d(first, second, 5), ACTIVATIONS[activation](), nn.MaxPool2d(2)),
        nn.Flatten(),
    ]
    inputs = second * ((height // 2 - 4) // 2) * ((width_px // 2 - 4) // 2)
    for layer in range(depth):
        units = max(1, round((120 if layer == 0 else 84) * width))
        layers += [nn.Linear(inputs, units), ACTIVATIONS[activation](), nn.Dropout(dropout)]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, classes))

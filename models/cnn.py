"""Small convolutional network of conv-norm-activation-pool blocks."""

from torch import nn

from hyperstudy.models.activations import ACTIVATIONS

FIRST_MAPS = 16  # maps of the first block at width 1; each further block has twice as many


def cnn(
    shape: tuple[int, int, int],
    classes: int,
    depth: int,
    activation: str,
    width: float,
    dropout: float,
    kernel_size: int,
) -> nn.Module:
    """`depth` blocks of convolution, batch norm, activation and 2x2 pooling, then one linear layer.

    Pooling stops at a side of 2 or 3 pixels, so that every depth fits every picture size.
    """
    channels, height, width_px = shape
    layers: list[nn.Module] = []
    for block in range(depth):
        maps = max(1, round(FIRST_MAPS * 2**block * width))
        # no bias: batch norm adds one
        convolution = nn.Conv2d(channels, maps, kernel_size, padding="same", bias=False)
        layers += [convolution, nn.BatchNorm2d(maps), ACTIVATIONS[activation]()]
        if min(height, width_px) >= 4:
            layers.append(nn.MaxPool2d(2))
            height, width_px = height // 2, width_px // 2
        channels = maps
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels * height * width_px, classes))

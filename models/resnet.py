"""Residual network for small pictures (He, Zhang, Ren & Sun 2016, section 4.2)."""

from torch import Tensor, nn
from torch.nn import functional

from hyperstudy.models.activations import ACTIVATIONS

MAPS = (16, 32, 64)  # of the three stages


class Block(nn.Module):
    """Two 3x3 convolutions with an identity shortcut: the paper's option A, which has no weights.

    Where the maps halve their side, the shortcut takes every second pixel; additional maps are zero.
    """

    def __init__(self, channels: int, maps: int, stride: int, activation: str) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels, maps, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(maps),
            ACTIVATIONS[activation](),
            nn.Conv2d(maps, maps, 3, padding=1, bias=False),
            nn.BatchNorm2d(maps),
        )
        self.activation, self.stride, self.added = ACTIVATIONS[activation](), stride, maps - channels

    def forward(self, images: Tensor) -> Tensor:
        shortcut = images[..., :: self.stride, :: self.stride]
        return self.activation(self.residual(images) + functional.pad(shortcut, (0, 0, 0, 0, 0, self.added)))


def resnet(shape: tuple[int, int, int], classes: int, depth: int, activation: str, width: float) -> nn.Module:
    """A convolution, three stages of `(depth - 2) / 6` blocks of 16, 32 and 64 maps, the average, a linear layer.

    At 32x32 in colour and ten classes depth 20 has 269,722 parameters; the paper counts 0.27 million.
    """
    channels = max(1, round(MAPS[0] * width))
    first = nn.Conv2d(shape[0], channels, 3, padding=1, bias=False)
    layers: list[nn.Module] = [first, nn.BatchNorm2d(channels), ACTIVATIONS[activation]()]
    for stage, count in enumerate(MAPS):
        maps = max(1, round(count * width))
        for block in range((depth - 2) // 6):
            layers.append(Block(channels, maps, 2 if stage and not block else 1, activation))
            channels = maps
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))

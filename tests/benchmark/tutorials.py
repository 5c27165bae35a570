"""The loop as the tutorials write it: the other side of each ratio of the training core.

A `DataLoader` that makes a PIL image and a float tensor of every picture, `.item()` after every step, and all threads
for one model. The first weights, the optimizer and the cut of the pictures are ours, so that only the way of training
differs.
"""

from collections.abc import Iterator
from time import perf_counter
from typing import NamedTuple

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from hyperstudy.study.core.config import Config
from hyperstudy.study.core.data.splits import LEVELS, SCALINGS, Part, Splits
from hyperstudy.study.core.optimizers import OPTIMIZERS
from hyperstudy.study.core.train import build


class Epoch(NamedTuple):
    train_seconds: float
    pictures: int
    val_accuracy: float


class Pictures(Dataset):
    """Pictures as torchvision's data sets hand them out: a row of an array, made a PIL image, then transformed."""

    def __init__(self, part: Part, transform: transforms.Compose) -> None:
        self.images = part.images.permute(0, 2, 3, 1).squeeze(-1).contiguous().numpy()  # (N, H, W) or (N, H, W, 3)
        self.labels, self.transform = part.labels.tolist(), transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def train(config: Config, splits: Splits, model: nn.Module) -> Iterator[Epoch]:
    """Train a model, and yield what the tutorials print after every epoch."""
    model.load_state_dict(build(config, splits.shape, len(splits.classes)).state_dict())
    optimizer = OPTIMIZERS[config.optimizer](model.parameters(), config.lr, config.momentum, config.weight_decay)
    criterion = nn.CrossEntropyLoss()
    steps = transform(config, splits)
    loader = DataLoader(Pictures(splits.train, steps), config.batch_size, shuffle=True)
    val_loader = DataLoader(Pictures(splits.val, steps), config.batch_size)
    for _ in range(config.epochs):
        started = perf_counter()
        model.train()
        running_loss = correct = 0.0
        for images, labels in loader:
            optimizer.zero_grad()
            outputs = model(images)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
            correct += (outputs.argmax(1) == labels).sum().item()
        trained = perf_counter()
        model.eval()
        with torch.no_grad():
            right = sum((model(images).argmax(1) == labels).sum().item() for images, labels in val_loader)
        yield Epoch(trained - started, len(splits.train.labels), right / len(splits.val.labels))


def transform(config: Config, splits: Splits) -> transforms.Compose:
    """The configuration's border, size and scaling, picture by picture."""
    steps: list[object] = [transforms.Pad(config.border)] if config.border else []
    if splits.shape[-1] + 2 * config.border != config.image_size:
        steps.append(transforms.Resize((config.image_size,) * 2))
    steps.append(transforms.ToTensor())
    if config.scaling != "unit":
        shift, scale = ((values / LEVELS).flatten().tolist() for values in SCALINGS[config.scaling](splits))
        steps.append(transforms.Normalize(shift, scale))
    return transforms.Compose(steps)


def diamond_mlp() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        *(nn.Linear(784, 128), nn.Sigmoid(), nn.Dropout(0.0)),
        *(nn.Linear(128, 256), nn.Sigmoid(), nn.Dropout(0.0)),
        *(nn.Linear(256, 128), nn.Sigmoid(), nn.Dropout(0.0)),
        *(nn.Linear(128, 64), nn.Sigmoid(), nn.Dropout(0.0)),
        nn.Linear(64, 10),
    )


def lenet() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Dropout(0.0)),
        *(nn.Linear(120, 84), nn.ReLU(), nn.Dropout(0.0)),
        nn.Linear(84, 10),
    )


def cnn(channels: int, side: int, kernel_size: int) -> nn.Module:
    padding = kernel_size // 2
    return nn.Sequential(
        *(nn.Conv2d(channels, 16, kernel_size, padding=padding, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
        nn.MaxPool2d(2),
        *(nn.Conv2d(16, 32, kernel_size, padding=padding, bias=False), nn.BatchNorm2d(32), nn.ReLU()),
        nn.MaxPool2d(2),
        *(nn.Flatten(), nn.Dropout(0.0), nn.Linear(32 * (side // 4) ** 2, 10)),
    )

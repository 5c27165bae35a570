"""The files that a trial leaves behind, and how a classifier is made of them again."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from study.core.config import Config
from study.core.data import SCALINGS, Part, Splits
from study.core.train import EVALUATION_BATCH, Epoch, build

CONFIG, HISTORY, WEIGHTS = "config.json", "history.csv", "weights.safetensors"
MISTAKES = 12  # pictures


class Classifier(nn.Module):
    """A trained network with the normalisation that belongs to it: pictures in, class probabilities out.

    Takes `(N, C, H, W)` with pixels from 0 to 255 in any dtype, gives `(N, classes)` in float32.
    """

    def __init__(self, network: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, images: Tensor) -> Tensor:
        return self.network((images.float() - self.mean) / self.std).softmax(1)


def write(folder: Path, config: Config, splits: Splits, history: Sequence[Epoch], model: nn.Module) -> None:
    """Configuration with what the data were, one row per epoch, and the weights without pickled code."""
    mean, std = SCALINGS[config.scaling](splits)
    data = {
        "digest": splits.digest,
        "channels": splits.shape[0],
        "classes": splits.classes,
        "mean": mean.flatten().tolist(),
        "std": std.flatten().tolist(),
    }
    (folder / CONFIG).write_text(json.dumps({"config": asdict(config), "data": data}, indent=2))
    with (folder / HISTORY).open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(Epoch._fields)
        rows.writerows(history)
    save_file(
        {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}, folder / WEIGHTS
    )


def write_confusion(folder: Path, counts: np.ndarray, classes: Sequence[str]) -> None:
    """Counts `(true, predicted)` of the test pictures as a table."""
    with (folder / "confusion_matrix.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["true \\ predicted", *classes])
        rows.writerows([name, *row] for name, row in zip(classes, counts.tolist(), strict=True))


def write_mistakes(folder: Path, logits: Tensor, part: Part) -> None:
    """The pictures that were taken for something else with the most confidence, and what was said of them."""
    probability, predicted = logits.softmax(1).max(1)
    wrong = (predicted != part.labels).nonzero().flatten()
    worst = wrong[probability[wrong].argsort(descending=True)][:MISTAKES]
    columns = {"pictures": part.images, "true": part.labels, "predicted": predicted, "probability": probability}
    np.savez_compressed(folder / "mistakes.npz", **{name: tensor[worst].cpu() for name, tensor in columns.items()})


class Trained(NamedTuple):
    """A trial's classifier with what it was trained on."""

    config: Config
    classifier: Classifier
    classes: tuple[str, ...]
    channels: int

    @torch.inference_mode()
    def probabilities(self, images: Tensor) -> Tensor:
        """`(N, classes)` for pictures `(N, channels, H, W)` in uint8 as their data set has them."""
        framed = Part(images, torch.zeros(len(images))).framed(self.config.image_size, self.config.border).images
        return torch.cat([self.classifier(batch) for batch in framed.split(EVALUATION_BATCH)])


def load_trained(folder: Path) -> Trained:
    """The network of a trial whose `config.json` and `weights.safetensors` lie in `folder`, ready to predict."""
    kept = json.loads((folder / CONFIG).read_text())
    config, data = Config(**kept["config"]), kept["data"]
    network = build(config, data["channels"], len(data["classes"]))
    network.load_state_dict(load_file(folder / WEIGHTS))
    mean, std = (torch.tensor(data[name]).view(-1, 1, 1) for name in ("mean", "std"))
    return Trained(config, Classifier(network, mean, std).eval(), tuple(data["classes"]), data["channels"])


def load_classifier(folder: Path) -> Classifier:
    """The classifier alone."""
    return load_trained(folder).classifier

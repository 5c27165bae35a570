"""The artifacts of a trial, and how a classifier is loaded from them."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from hyperstudy.study.core.config import Config
from hyperstudy.study.core.data.mapped import Mapped
from hyperstudy.study.core.data.splits import LEVELS, SCALINGS, Part, Splits, drawable
from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.errors import InputError, OneLineError
from hyperstudy.study.core.params import AnyConfig
from hyperstudy.study.core.text import inert, shortened
from hyperstudy.study.core.train import build, evaluation_batch
from hyperstudy.study.outputs.names import HISTORY

CONFIG, WEIGHTS = "config.json", "weights.safetensors"
MISTAKES = 12  # pictures


class Classifier(nn.Module):
    """A trained network with its normalisation: pictures in, class probabilities out.

    Takes `(N, C, H, W)` with the levels that its data set has, in any dtype, gives `(N, classes)` in float32.
    """

    def __init__(self, network: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.network = network
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, images: Tensor) -> Tensor:
        return self.network((images.float() - self.mean) / self.std).softmax(1)


def of_trial(config: AnyConfig, history: Sequence[Epoch]) -> dict[str, bytes]:
    """Configuration as JSON, and a row of CSV per epoch."""
    names = list(dict.fromkeys(name for epoch in history for name in epoch.metrics))
    rows = ([epoch.number, *(epoch.metrics.get(name, "") for name in names)] for epoch in history)
    kept = {**config.subject(), **config.hyperparameters()}
    return {CONFIG: json.dumps({"config": kept}, indent=2).encode(), HISTORY: _table([["epoch", *names], *rows])}


def of_model(config: Config, splits: Splits, model: nn.Module) -> dict[str, bytes]:
    """Configuration and data set as JSON, and the weights, which hold no pickled code."""
    mean, std = SCALINGS[config.scaling](splits)
    data = {
        "digest": splits.digest,
        **dict(zip(("channels", "height", "width"), splits.shape, strict=True)),
        "white": splits.white,
        "classes": splits.classes,
        "mean": mean.flatten().tolist(),
        "std": std.flatten().tolist(),
    }
    kept = {**config.subject(), **config.hyperparameters()}
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    return {
        CONFIG: json.dumps({"config": kept, "data": data}, indent=2).encode(),
        WEIGHTS: save(weights),
    }


def confusion(counts: np.ndarray, classes: Sequence[str]) -> bytes:
    """Counts `(true, predicted)` of the test pictures as CSV."""
    rows = ([name, *row] for name, row in zip(classes, counts.tolist(), strict=True))
    return _table([["true \\ predicted", *classes], *rows])


def answers(true: np.ndarray, predicted: np.ndarray) -> bytes:
    """Class indices `(N,)` of the test pictures, in their data set's order, in NumPy's npz format."""
    return _npz(true=true.astype(np.uint16), predicted=predicted.astype(np.uint16))


def mistakes(logits: Tensor, part: Part) -> bytes:
    """The wrong answers that were given with the most confidence, as arrays in NumPy's npz format."""
    probability, predicted = logits.softmax(1).max(1)
    wrong = (predicted != part.labels).nonzero().flatten()
    worst = wrong[probability[wrong].argsort(descending=True)][:MISTAKES]
    columns = {"true": part.labels, "predicted": predicted, "probability": probability}
    pictures = drawable(part.images.index_select(0, worst))
    return _npz(pictures=pictures.cpu().numpy(), **{name: row[worst].cpu().numpy() for name, row in columns.items()})


def _npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _table(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([inert(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return text.getvalue().encode(errors="backslashreplace")


class Trained(NamedTuple):
    """A trial's classifier, its configuration and its classes, and the pictures that it takes."""

    config: Config
    classifier: Classifier
    classes: tuple[str, ...]
    shape: tuple[int, int, int]  # (C, H, W) of the data set's pictures
    white: int  # the level of a white pixel

    @torch.inference_mode()
    def probabilities(self, images: Tensor | Mapped) -> Tensor:
        """`(N, classes)` for pictures `(N, *shape)` with the levels that their data set has."""
        framed = Part(images, torch.zeros(len(images))).framed(self.config.image_size, self.config.border).images
        return torch.cat([self.classifier(batch) for batch in framed.split(evaluation_batch(framed.shape))])


def load_trained(folder: Path) -> Trained:
    """The network of a trial whose `config.json` and `weights.safetensors` lie in `folder`, ready to predict; raises
    `InputError` that names the one which is damaged."""
    with reading(CONFIG):
        kept = json.loads((folder / CONFIG).read_text())
        config, data = Config(**kept["config"]), kept["data"]
        side = config.image_size  # an earlier version kept no size, since all pictures were square
        shape = (data["channels"], data.get("height", side), data.get("width", side))
        mean, std = (torch.tensor(data[name]).view(shape[0], 1, 1) for name in ("mean", "std"))
        network = build(config, shape, len(data["classes"]))
    with reading(WEIGHTS):
        network.load_state_dict(load_file(folder / WEIGHTS))
    classifier = Classifier(network, mean, std).eval()
    return Trained(config, classifier, tuple(data["classes"]), shape, data.get("white", LEVELS))


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn whatever is raised by a file that is missing or damaged into an `InputError` that names it. A store or a
    disk that fails stays what it is."""
    try:
        yield
    except (OneLineError, OSError):
        raise
    except Exception as error:  # stores, safetensors and torch raise errors of many kinds
        reason = shortened(f"{type(error).__name__}: {error}")
        raise InputError(f"{name} is missing, damaged or of another network ({reason})") from None

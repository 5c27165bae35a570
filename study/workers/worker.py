"""One job from start to end: a configuration is trained, and what it leaves comes back as files.

A worker knows neither the tracker nor the sampler.
"""

import traceback
from collections.abc import Generator
from typing import NamedTuple

import numpy as np
import torch

from hyperstudy.study.core.config import Config
from hyperstudy.study.core.data.splits import Splits
from hyperstudy.study.core.train import Epoch, build, predict, score, train
from hyperstudy.study.outputs import files
from hyperstudy.study.outputs.environment import hardware
from hyperstudy.study.outputs.names import ANSWERS, COMPLETE, DIVERGED, PRUNED


class Job(NamedTuple):
    """A configuration to train. If it is `prunable`, each epoch but the last is followed by an answer: prune or not."""

    config: Config
    prunable: bool = False

    def asks_after(self, epoch: Epoch) -> bool:
        return self.prunable and epoch.epoch < self.config.epochs and epoch.diverged_at is None


class Outcome(NamedTuple):
    """What came of a job: its state, the model's number of parameters, the test metrics if there are test pictures,
    the artifacts by file name, and the machine in words."""

    state: str
    parameters: int
    test: dict[str, float]
    files: dict[str, bytes]
    hardware: str


class Failure(NamedTuple):
    """A job that raised."""

    reason: str
    traceback: str


class Death(NamedTuple):
    """A worker that ended before its job did."""

    exit_code: int | None


def perform(job: Job, splits: Splits) -> Generator[Epoch, bool, Outcome | Failure]:
    """Yield the job's epochs; what is sent back says whether to prune. Returns what came of it."""
    try:
        model = build(job.config, splits.shape, len(splits.classes))
        history, state = [], COMPLETE
        for epoch in train(job.config, splits, model):
            history.append(epoch)
            if epoch.diverged_at is not None:
                state = DIVERGED
            if (yield epoch):
                state = PRUNED
                break
        made = files.of_trial(job.config, splits, history, model)
        test = {}
        if splits.test is not None:
            test, drawn = _meet_test(job.config, splits, model, history)
            made |= drawn
        parameters = sum(parameter.numel() for parameter in model.parameters())
        return Outcome(state, parameters, test, made, hardware(splits.mean.device))
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}", traceback.format_exc())


def _meet_test(
    config: Config, splits: Splits, model: torch.nn.Module, history: list[Epoch]
) -> tuple[dict[str, float], dict[str, bytes]]:
    """Test metrics of a trained model, and its answers, confusion matrix, mistakes and learning curves as files."""
    from hyperstudy.study.outputs import pictures  # only confirmation draws; matplotlib takes 0.5 s to import

    part = splits.test.framed(config.image_size, config.border)
    logits = predict(config, splits, model, part.images)
    loss, accuracy = score(logits, part.labels)
    counts = np.zeros((len(splits.classes),) * 2, dtype=np.int64)
    true, predicted = part.labels.cpu().numpy(), logits.argmax(1).cpu().numpy()
    np.add.at(counts, (true, predicted), 1)
    made = {
        ANSWERS: files.answers(true, predicted),
        "confusion_matrix.csv": files.confusion(counts, splits.classes),
        "mistakes.npz": files.mistakes(logits, part),
        "confusion_matrix.png": pictures.confusion_matrix(counts, splits.classes),
        "learning_curves.png": pictures.learning_curves(history),
    }
    return {"test/loss": loss, "test/accuracy": accuracy}, made

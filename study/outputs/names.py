"""The names under which a trial is recorded: metrics per epoch, summary metrics, states.

Losses are in nats, accuracies are fractions in [0, 1], times end in `_seconds`. A value that is not finite is never
recorded: trackers and samplers cannot handle it; the state says what happened.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hyperstudy.study.core.errors import InputError

if TYPE_CHECKING:
    from hyperstudy.study.core.train import Epoch

COMPLETE, PRUNED, DIVERGED = "complete", "pruned", "diverged"
FAILED, INTERRUPTED = "failed", "interrupted"
FINISHED = (COMPLETE, PRUNED, DIVERGED)  # states that count towards --trials

EXPLORE, SEARCH, RERANK, CONFIRM, RECIPE = PHASES = ("explore", "search", "rerank", "confirm", "recipe")

WINNER, RUNNER_UP, DEFAULT = "winner", "runner-up", "default"  # roles of the finalists; no default where it won

RECIPES_STUDY = "recipes"
RESERVED = (RECIPES_STUDY, "Default")  # the study of published recipes, and MLflow's own first experiment
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

HISTORY = "history.csv"  # the artifact with a row per epoch
ANSWERS = "answers.npz"  # the artifact with true and predicted class of every test picture
TEST_METRIC = "test/accuracy"

EPOCH_METRICS = {
    "train/loss": "train_loss",
    "train/accuracy": "train_accuracy",
    "train/lr": "lr",
    "train/grad_norm": "grad_norm",
    "train/steps": "steps",
    "val/loss": "val_loss",
    "val/accuracy": "val_accuracy",
    "time/train_seconds": "train_seconds",
    "time/val_seconds": "val_seconds",
    "time/images_per_second": "images_per_second",
}


def check_name(study: str) -> None:
    """Raise `InputError` unless a study may have that name. Its folders have the same name."""
    if not NAME.fullmatch(study):
        raise InputError(
            f"study must be a name of letters, digits, '.', '_' and '-', starting with a letter or digit; got {study!r}"
        )


def finite(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def epoch_metrics(epoch: Epoch) -> dict[str, float]:
    """Metrics of one epoch, by the names under which they are charted."""
    return finite({name: float(getattr(epoch, field)) for name, field in EPOCH_METRICS.items()})


def objective(history: Sequence[Epoch], state: str, chance: float) -> float:
    """Validation accuracy after the last epoch; `chance` for a diverged trial, so that a sampler learns from it.

    The last epoch, not the best: the maximum of a noisy curve is too high.
    """
    return chance if state == DIVERGED else history[-1].val_accuracy


def summary(history: Sequence[Epoch], state: str, chance: float) -> dict[str, float]:
    """The metrics that have one value per trial, for tables and comparisons."""
    best = max(history, key=lambda epoch: (epoch.val_accuracy, -epoch.epoch))
    last = history[-1]
    metrics = {
        "objective": objective(history, state, chance),
        "best_val_accuracy": best.val_accuracy,
        "best_epoch": best.epoch,
        "final_val_accuracy": last.val_accuracy,
        "final_val_loss": last.val_loss,
        "epochs": last.epoch,
        "steps": last.steps,
        "train_seconds": sum(epoch.train_seconds for epoch in history),
        "val_seconds": sum(epoch.val_seconds for epoch in history),
    }
    if last.diverged_at is not None:
        metrics |= {"diverged_epoch": last.epoch, "diverged_step": last.diverged_at}
    return finite({name: float(value) for name, value in metrics.items()})

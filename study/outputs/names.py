"""The names under which a trial is recorded: phases, states, summary metrics.

Times end in `_seconds`. A value that is not finite is never
recorded: trackers and samplers cannot handle it; the state says what happened.
"""

import math
import re
from collections.abc import Sequence

from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.text import shortened
from hyperstudy.study.outputs.objective import Objective

COMPLETE, PRUNED, DIVERGED = "complete", "pruned", "diverged"
FAILED, INTERRUPTED = "failed", "interrupted"
FINISHED = (COMPLETE, PRUNED, DIVERGED)  # states that count towards --trials

EXPLORE, SEARCH, RERANK, CONFIRM, RECIPE = PHASES = ("explore", "search", "rerank", "confirm", "recipe")

# Roles of the finalists. A default or an earlier study's winner that won is the winner, and has that role alone.
WINNER, RUNNER_UP, DEFAULT, EARLIER = ROLES = ("winner", "runner-up", "default", "earlier winner")

RECIPES_STUDY = "recipes"
RESERVED = (RECIPES_STUDY, "Default")  # the study of published recipes, and MLflow's own first experiment
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")


HISTORY = "history.csv"  # the artifact with a row per epoch
ANSWERS = "answers.npz"  # the artifact with true and predicted class of every test picture


def check_name(study: str) -> None:
    """Raise `InputError` unless a study may have that name. Its folders have the same name."""
    if not NAME.fullmatch(study):
        raise InputError(
            f"study must be a name of letters, digits, '.', '_' and '-', starting with a letter or digit, not ending "
            f"in '.', of at most 100 characters; got {shortened(study)!r}"
        )


def finite(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def judged(history: Sequence[Epoch], state: str, objective: Objective, guess: float | None) -> float | None:
    """The objective after the last epoch; for a diverged trial that of guessing, so that a sampler learns from it.
    None where there is none.

    The last epoch, not the best: the best of a noisy curve is too good.
    """
    value = guess if state == DIVERGED else history[-1].metrics.get(objective.key, math.nan)
    return value if value is not None and math.isfinite(value) else None


def summary(history: Sequence[Epoch], state: str, objective: Objective, guess: float | None) -> dict[str, float]:
    """The metrics that have one value per trial, for tables and comparisons."""
    last, value = history[-1], judged(history, state, objective, guess)
    curve = [(objective.own(epoch.metrics[objective.key]), -epoch.number) for epoch in history]
    known = [point for point in curve if math.isfinite(point[0])]
    metrics = {"objective": math.nan if value is None else value, "epochs": last.number}
    if known:
        best, number = max(known)
        metrics |= {"best_objective": objective.own(best), "best_epoch": -number}
    if "train/steps" in last.metrics:
        metrics["steps"] = last.metrics["train/steps"]
    for name in ("train_seconds", "val_seconds"):
        if f"time/{name}" in last.metrics:
            metrics[name] = sum(epoch.metrics[f"time/{name}"] for epoch in history)
    if last.diverged_at is not None:
        metrics |= {"diverged_epoch": last.number, "diverged_step": last.diverged_at}
    return finite({name: float(value) for name, value in metrics.items()})

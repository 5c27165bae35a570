"""Finished studies in a store, as study.run writes them, with any objective: their runs follow a known function."""

import csv
import io
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from hyperstudy.study.comparisons.arms import arms_of, hypotheses
from hyperstudy.study.comparisons.choice import RERANKING, choose
from hyperstudy.study.core.domains import Choice, Dimension, Range
from hyperstudy.study.outputs import files
from hyperstudy.study.outputs.names import COMPLETE, DIVERGED, HISTORY, PRUNED
from hyperstudy.study.outputs.objective import TAG, Objective
from tests.reports.planted import SPACE
from tests.tracking.runs import make_tracker

EPOCHS, SEEDS = 6, 5
DESIGNED, SEARCHED = 32, 12
LOSS = Objective("validation loss", False, "nats", key="val/loss", test_key="test/loss")
RMSE = Objective("validation rmse", False, "km", key="rmse", test_key="test/rmse")
UNTESTED = RMSE._replace(test_key="")
LOOP_SPACE = {
    "lr": Dimension(Range(1e-4, 1e-1, log=True), 0.03),
    "depth": Dimension(Range(1, 6), 2),
    "kind": Dimension(Choice(("plain", "residual")), "plain"),
    "folds": Dimension(None, 5),
    "seed": Dimension(None, 0),
}


class Made(NamedTuple):
    """A kind of study: its objective, its space, its value without noise, what guessing gives, and its tags."""

    objective: Objective
    space: Mapping[str, Dimension]
    value: Callable[[Mapping[str, Any]], float]
    chance: float | None
    tags: Mapping[str, str]


def loss(levels: Mapping[str, Any]) -> float:
    """Lowest at an lr of 0.003, where it is 0.12."""
    return 0.12 + 0.25 * (math.log10(levels["lr"]) + 2.5) ** 2 + 0.02 * (4 - levels["depth"])


def rmse(levels: Mapping[str, Any]) -> float:
    """Lowest at an lr of 0.003, where it is 3 km."""
    return 3 + 1.5 * (math.log10(levels["lr"]) + 2.5) ** 2 + 0.4 * (levels["kind"] == "plain")


PICTURES = Made(
    LOSS,
    SPACE,
    loss,
    math.log(10),
    {
        **{"study.dataset": "digits", "study.model": "cnn", "study.validation_pictures": "300"},
        "study.command": "python -m study.run --dataset digits --model cnn --objective loss --trials 44",
    },
)
LOOP = Made(
    RMSE, LOOP_SPACE, rmse, None, {"study.loop": "prices", "study.command": "python -m study.run --loop prices"}
)


def stored(folder, made: Made, name: str = "made", better: float = 0.0):
    """The tracker of a finished study; `better` is added to all confirmation runs but the default's."""
    tracker, objective, rng = make_tracker(folder, name), made.objective, np.random.default_rng(0)
    defaults = {key: row.default for key, row in made.space.items()}
    domains = {key: row.domain for key, row in made.space.items() if row.domain is not None}

    def run(title, phase, levels, role=None, number=None, seed=0):
        value = made.value(levels) * float(np.exp(rng.normal(0, 0.02)))
        state = DIVERGED if levels["lr"] > 0.05 else PRUNED if phase == "search" and number % 3 == 0 else COMPLETE
        tags = {"phase": phase} | ({"trial": number} if role is None else {"role": role})
        run_id = tracker.start(title, {**levels, "seed": seed}, tags, [])
        values = [value * (1 + 0.5**epoch) for epoch in range(1, EPOCHS + 1)]
        metrics, made_files = _metrics(made, values, state), {HISTORY: _history(objective.key, values)}
        for epoch, row in enumerate(values, start=1):
            tracker.log(run_id, {objective.key: row, "train/loss": row / 2}, epoch)
        if phase == "confirm":
            value = values[-1] + (0 if role == "default" else better)
            metrics |= {objective.test_key: 1.05 * value} if objective.test_key else {"objective": value}
            if "study.loop" not in made.tags:
                metrics |= {"test/accuracy": 0.9}
                made_files["confusion_matrix.csv"] = files.confusion(np.array([[9, 1], [2, 8]]), ["a", "b"])
        tracker.finish(run_id, state, metrics, made_files)
        return objective.own(values[-1])

    found = []
    for number in range(DESIGNED + SEARCHED):
        phase = "explore" if number < DESIGNED else "search"
        levels = {**defaults, **{key: domain.at(rng.random()) for key, domain in domains.items()}}
        found.append((run(f"{phase}-{number:03}", phase, levels, number=number), levels))
    best = [levels for value, levels in sorted(found, key=lambda row: -row[0]) if levels["lr"] <= 0.05][:2]
    entered = {"candidate-1": best[0], "candidate-2": best[1], "default": defaults}
    fresh = {
        role: [run(f"{role}-seed-{seed}", "rerank", levels, role, seed=seed) for seed in (500, 501, 502)]
        for role, levels in entered.items()
    }
    choice = choose(fresh)
    roles = {"winner": entered[choice.winner], "runner-up": entered[choice.runner_up], "default": defaults}
    arms = arms_of(hypotheses({key: roles["winner"][key] for key in domains}, defaults, domains))
    roles_and_arms = roles | {arm.name: {**defaults, **arm.levels} for arm in arms if arm.name not in roles}
    for role, levels in roles_and_arms.items():
        for seed in range(1000, 1000 + SEEDS):
            run(f"{role}-seed-{seed}", "confirm", levels, role, seed=seed)
    tags = {
        **{"study.space": json.dumps({key: row.as_dict() for key, row in made.space.items()})},
        **{TAG: json.dumps(objective._asdict()), RERANKING: json.dumps(choice._asdict())},
        **{"study.finalists": json.dumps(roles), "study.trials": str(DESIGNED + SEARCHED)},
        **{"study.sampler": "tpe", "study.pruner": "median", "study.hardware": "a machine"},
        **({"study.chance": str(made.chance)} if made.chance is not None else {}),
        **made.tags,
    }
    for key, value in tags.items():
        tracker.tag(key, value)
    return tracker


def _metrics(made: Made, values: list[float], state: str) -> dict[str, float]:
    """The summary of a run. One that diverged has the value of guessing, if there is any."""
    metrics = {"best_objective": min(values), "best_epoch": EPOCHS, "epochs": EPOCHS, "train_seconds": 2.0}
    if "study.loop" not in made.tags:
        metrics |= {"steps": 100.0, "val_seconds": 0.1, "parameters": 1000.0}
    value = made.chance if state == DIVERGED else values[-1]
    return metrics | ({} if value is None else {"objective": value})


def _history(key: str, values: list[float]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["epoch", key, "train/loss"], *([n, v, v / 2] for n, v in enumerate(values, 1))])
    return text.getvalue().encode()

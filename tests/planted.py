"""Synthetic studies with a known answer, in the shape in which the tracker hands over real ones."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from reports.influence import scaled
from reports.load import Study
from study.plan import make_plan
from study.search import explore_design, explore_size

PLAN = make_plan("digits", "cnn", {})
SPACE = PLAN.describe()
NOISE = 0.007  # standard deviation over seeds of the digits study's finalists


def planted(
    seed: int, accuracy: Callable[[pd.DataFrame], np.ndarray], trials: int = 50, noise: float = NOISE, **tags: str
) -> Study:
    """A study of designed and random trials with `accuracy(u)` plus noise, where `u` holds the hyperparameters.

    Numeric ones lie on [0, 1] along their scale. The random trials stand for the search.
    """
    rng = np.random.default_rng(seed)
    designed = explore_size(trials)
    points = explore_design(PLAN.space, designed, seed)
    for _ in range(trials - designed):
        points.append({name: space.at(rng.random()) for name, space in PLAN.space.items()})
    frame = pd.DataFrame(points)
    u = frame.assign(**{name: scaled(frame[name], SPACE[name]) for name in ("lr", "batch_size", "depth")})
    frame["objective"] = np.clip(accuracy(u) + rng.normal(0, noise, trials), 0.0, 1.0)
    frame["phase"] = ["explore"] * designed + ["search"] * (trials - designed)
    frame["state"] = np.where(frame.objective < 0.12, "diverged", "complete")
    frame["trial"] = range(trials)
    frame["run_id"] = frame["name"] = [f"run{number}" for number in range(trials)]
    frame = frame.assign(role=None, link="x", seed=0, train_seconds=1.0 + frame.depth, **{"test/accuracy": np.nan})
    frame = frame.assign(best_val_accuracy=frame.objective, versions="{}", **{"mlflow.source.git.commit": "c"})
    kept = {
        **{"study.space": json.dumps(SPACE), "study.classes": "10", "study.trials": str(trials)},
        **{"study.dataset": "digits", "study.model": "cnn", "study.sampler": "tpe", "study.pruner": "median"},
        **{"study.hardware": "a machine", "study.command": "a command", **tags},
    }
    return Study("planted", "link", kept, SPACE, frame, pd.DataFrame(columns=["run_id", "epoch", "val/accuracy"]))


def with_confirmation(study: Study, lead: float, noise: float, seeds: int, rng: np.random.Generator) -> Study:
    """The study with a winner and a default confirmed, whose mean test accuracies differ by `lead`."""
    roles = {"winner": {"lr": 0.01, "depth": 3}, "default": {"lr": 0.001, "depth": 2}}
    rows = [
        {"phase": "confirm", "state": "complete", "role": role, "seed": seed, "run_id": f"{role}{seed}", **values}
        | {"test/accuracy": 0.9 + lead * (role == "winner") + rng.normal(0, noise), "objective": 0.9}
        for role, values in roles.items()
        for seed in range(seeds)
    ]
    runs = pd.concat([study.runs, pd.DataFrame(rows)], ignore_index=True)
    return replace(study, runs=runs, tags={**study.tags, "study.finalists": json.dumps(roles)})

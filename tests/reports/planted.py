"""Synthetic studies with a known answer, in the shape in which the tracker hands over real ones."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.frames import Study
from hyperstudy.study.comparisons.arms import arms_of
from hyperstudy.study.core.plan import make_plan
from hyperstudy.study.search.design import explore_design, explore_size

PLAN = make_plan("digits", "cnn", {})
SPACE = PLAN.dimensions()
DOMAINS = {name: row.domain for name, row in SPACE.items() if row.domain is not None}
NOISE = 0.007  # standard deviation over seeds of the digits study's finalists

# Accuracy of hyperparameters, the numeric ones as positions on [0, 1].
Truth = Callable[[pd.DataFrame], np.ndarray]


def flat(u: pd.DataFrame) -> np.ndarray:
    """Nothing matters."""
    return 0.9 + 0 * u.lr


def peak(u: pd.DataFrame) -> np.ndarray:
    """lr matters with its best inside the range, depth a little; batch size and activation do not."""
    return 0.97 - 0.5 * (u.lr - 0.6) ** 2 + 0.02 * u.depth


def bump(u: pd.DataFrame) -> np.ndarray:
    """As real curves often are: flat far from the best lr. Depth and batch size matter a little."""
    return 0.7 + 0.2 * np.exp(-(((u.lr - 0.65) / 0.22) ** 2)) + 0.03 * u.depth - 0.04 * u.batch_size


def cliff(u: pd.DataFrame) -> np.ndarray:
    """A small lr hardly trains, larger ones are nearly equal; activation matters a little."""
    levels = {"relu": 0.0, "gelu": 0.01, "tanh": -0.02, "sigmoid": -0.05}
    return 0.95 - 0.3 / (1 + np.exp((u.lr - 0.3) / 0.08)) - 0.03 * u.batch_size + u.activation.map(levels).astype(float)


def beyond(u: pd.DataFrame) -> np.ndarray:
    """The best lr lies a tenth of the range above its end."""
    return 0.9 - 0.4 * (1.1 - u.lr) ** 2


def diverging(u: pd.DataFrame) -> np.ndarray:
    """A fifth of the space, that of the largest lr, does not train."""
    return np.where(u.lr > 0.8, 0.1, peak(u))


def together(u: pd.DataFrame) -> np.ndarray:
    """A fifth of the space, that of large lr with large depth, does not train; either alone is harmless."""
    return np.where((u.lr > 0.6) & (u.depth > 0.5), 0.1, peak(u))


def failing_by_chance(u: pd.DataFrame) -> np.ndarray:
    """A fifth of the trials does not train, at random."""
    rng = np.random.default_rng(np.abs(u.lr * 2**52).astype(np.int64).to_numpy())
    return np.where(rng.random(len(u)) < 0.2, 0.1, peak(u))


def breaking(u: pd.DataFrame) -> np.ndarray:
    """As real failures are: more probable with larger lr, with probability one half at 0.8 of its range."""
    rng = np.random.default_rng(np.abs(u.lr * 2**52).astype(np.int64).to_numpy())
    return np.where(rng.random(len(u)) < 1 / (1 + np.exp((0.8 - u.lr) / 0.05)), 0.1, peak(u))


def moving(exponent: float) -> Truth:
    """The best lr grows as batch size to the power of `exponent`."""
    tilt = exponent * np.log(256 / 16) / np.log(1e-1 / 1e-5)
    return lambda u: 0.95 - 0.6 * (u.lr - 0.45 - tilt * (u.batch_size - 0.5)) ** 2 + 0.01 * u.depth


def interacting(main: Truth, product: Truth, share: float = 0.2) -> Truth:
    """`main` plus an interaction that carries a share of the variance of both."""
    space = population()
    term, own = np.asarray(product(space)), np.asarray(main(space))
    size = np.sqrt(share / (1 - share) * own.var() / term.var())
    return lambda u: main(u) + size * (product(u) - term.mean())


def lr_with_batch_size(u: pd.DataFrame) -> np.ndarray:
    return (u.lr - 0.5) * (u.batch_size - 0.5)


def lr_with_activation(u: pd.DataFrame) -> np.ndarray:
    return (u.lr - 0.5) * u.activation.map({"relu": 1.0, "gelu": 0.5, "tanh": -0.5, "sigmoid": -1.0}).astype(float)


def population(size: int = 4096) -> pd.DataFrame:
    """Hyperparameters of a large even sample of the space, the numeric ones on [0, 1]."""
    return unit(np.random.default_rng(99).random((len(DOMAINS), size)))


def unit(quantiles: np.ndarray) -> pd.DataFrame:
    """Hyperparameters at quantiles `(hyperparameters, N)` of the space, the numeric ones on [0, 1]."""
    u = pd.DataFrame({name: DOMAINS[name].positions_at(q) for name, q in zip(DOMAINS, quantiles, strict=True)})
    return u.assign(activation=np.asarray(DOMAINS["activation"].options)[u.activation.astype(int)])


def planted(seed: int, accuracy: Truth, trials: int = 50, noise: float = NOISE, **tags: str) -> Study:
    """A study of designed and random trials with `accuracy(u)` plus noise. The random trials stand for the search."""
    rng = np.random.default_rng(seed)
    designed = explore_size(trials)
    points = explore_design(PLAN.space, designed, seed)
    for _ in range(trials - designed):
        points.append({name: space.at(rng.random()) for name, space in PLAN.space.items()})
    frame = pd.DataFrame(points)
    u = frame.assign(**{name: DOMAINS[name].positions(frame[name]) for name in ("lr", "batch_size", "depth")})
    frame["objective"] = np.clip(accuracy(u) + rng.normal(0, noise, trials), 0.0, 1.0)
    frame["phase"] = ["explore"] * designed + ["search"] * (trials - designed)
    frame["state"] = np.where(frame.objective < 0.12, "diverged", "complete")
    frame["trial"] = range(trials)
    frame["run_id"] = frame["name"] = [f"run{number}" for number in range(trials)]
    frame = frame.assign(role=None, link="x", seed=0, train_seconds=1.0 + frame.depth, **{"tested": np.nan})
    frame = frame.assign(best_objective=frame.objective, versions="{}", parameters=1000.0 * 4**frame.depth)
    frame = frame.assign(**{"mlflow.source.git.commit": "c"})
    kept = {
        **{"study.classes": "10", "study.trials": str(trials)},
        **{"study.dataset": "digits", "study.model": "cnn", "study.sampler": "tpe", "study.pruner": "median"},
        **{"study.hardware": "a machine", "study.command": "a command", **tags},
    }
    return Study("planted", "link", kept, SPACE, frame, pd.DataFrame(columns=["run_id", "epoch", "objective"]))


def with_confirmation(study: Study, lead: float, noise: float, seeds: int, rng: np.random.Generator) -> Study:
    """The study with its best designed trial and the default confirmed; mean test accuracies differ by `lead`."""
    best = study.explored.sort_values("objective").iloc[-1]
    roles = {
        "winner": {name: best[name] for name in DOMAINS},
        "default": {name: SPACE[name].default for name in DOMAINS},
    }
    rows = [
        {"phase": "confirm", "state": "complete", "role": role, "seed": seed, "run_id": f"{role}{seed}", **values}
        | {"train_seconds": 4.0 if role == "default" else 2.0, "parameters": 1000.0}
        | {"tested": 0.9 + lead * (role == "winner") + rng.normal(0, noise), "objective": rng.normal(0.9, noise)}
        for role, values in roles.items()
        for seed in range(seeds)
    ]
    runs = pd.concat([study.runs, pd.DataFrame(rows)], ignore_index=True)
    finalists = {role: {name: _plain(value) for name, value in values.items()} for role, values in roles.items()}
    return replace(study, runs=runs, tags={**study.tags, "study.finalists": json.dumps(finalists)})


def with_experiments(
    study: Study, effects: dict[str, float], noise: float, seeds: int, rng: np.random.Generator
) -> Study:
    """The study with every arm of its hypotheses trained; a hyperparameter at the winner's level adds its effect."""
    arms = [arm for arm in arms_of(Analysis(study).hypotheses) if arm.name not in ("winner", "default")]
    winner = json.loads(study.tags["study.finalists"])["winner"]
    rows = [
        {"phase": "confirm", "state": "complete", "role": arm.name, "seed": seed, "run_id": f"{arm.name}{seed}"}
        | {**arm.levels, "tested": 0.9 + _effect(arm.levels, winner, effects) + rng.normal(0, noise)}
        for arm in arms
        for seed in range(seeds)
    ]
    return replace(study, runs=pd.concat([study.runs, pd.DataFrame(rows)], ignore_index=True))


def _effect(levels: dict[str, object], winner: dict[str, object], effects: dict[str, float]) -> float:
    return sum(effect for name, effect in effects.items() if levels[name] == winner[name])


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value

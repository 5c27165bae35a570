"""Which hyperparameters can be left at their default: by experiment where there is one, else by the surrogate."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from reports.experiments import ALONE, Result, results_of
from reports.finding import SUGGESTIVE, SUPPORTED, Finding, signed_interval
from reports.frames import Study
from reports.scales import Row, is_numeric, positions
from reports.selection import finalists, seed_noise, surrogate_of, trained_runs, trusted_surrogate
from reports.surrogate import DUMMY

EXPERIMENT, SURROGATE = "experiment", "surrogate"  # what says what a default costs


class Default(NamedTuple):
    """What there is to gain by leaving a hyperparameter's default, all else as in the best configuration.

    `safe` if even the upper end of the interval is below `margin`, the standard deviation of the seed.
    """

    name: str
    default: Any
    gain: float
    low: float
    high: float
    margin: float

    @property
    def safe(self) -> bool:
        return self.high <= self.margin


def defaults(study: Study) -> list[Default]:
    """What each searched hyperparameter's default costs, on its own, at the winner; empty without a surrogate, or
    without a confirmation that measured the noise."""
    surrogate, noise = trusted_surrogate(study), seed_noise(study)
    if surrogate is None or noise is None:
        return []
    best = trained_runs(study).sort_values("objective").iloc[-1]
    levels = finalists(study).get("winner") or {name: best[name] for name in study.searched}
    names = [name for name in study.searched if lies_in(study.space[name]["default"], study.space[name])]
    return [_default(study, name, levels, noise.mean) for name in names]


def _default(study: Study, name: str, levels: dict[str, Any], margin: float) -> Default:
    surrogate, row = surrogate_of(study), study.space[name]
    grid = np.linspace(0, 1, 41) if is_numeric(row) else np.arange(len(row["options"]), dtype=float)
    default = positions(pd.Series([row["default"]]), row)
    points = {other: np.repeat(_place(study, other, levels), len(grid) + 1) for other in surrogate.space}
    points[name] = np.concatenate([default, grid])
    values = surrogate.accuracy(surrogate.predict(points))
    gains = np.maximum(values[1:].max(0) - values[0], 0)
    low, high = np.quantile(gains[1:], [0.025, 0.975])
    return Default(name, row["default"], float(gains[0]), float(low), float(high), margin)


def _place(study: Study, name: str, levels: dict[str, Any]) -> float:
    return 0.5 if name == DUMMY else float(positions(pd.Series([levels[name]]), study.space[name])[0])


def lies_in(value: Any, row: Row) -> bool:
    """Whether a value is one that the space searches."""
    return value in row["options"] if row["kind"] == "choice" else row["low"] <= value <= row["high"]


def judged(study: Study) -> list[tuple[Default, str]]:
    """What each default costs, with what says so: an experiment where there is one, else the surrogate."""
    noise, found = seed_noise(study, "test/accuracy"), {}
    for result in results_of(study) if noise else ():
        row, gain = result.hypothesis, result.estimate
        if row.kind == ALONE and gain.high is not None:
            found[row.name] = Default(row.name, row.before, gain.mean, gain.low, gain.high, noise.mean), EXPERIMENT
    for row in defaults(study):
        found.setdefault(row.name, (row, SURROGATE))
    return [found[name] for name in study.searched if name in found]


def default_claims(study: Study) -> list[Finding]:
    """Which hyperparameters can be left at their default: nothing worth having is lost (non-inferiority).

    Where an experiment has compared default and winner, its interval decides instead of the surrogate's.
    """
    tried = {result.hypothesis.name: result for result in results_of(study) if result.hypothesis.kind == ALONE}
    return [
        _left_alone(tried[row.name], row.margin) if by == EXPERIMENT else _by_surrogate(study, row)
        for row, by in judged(study)
        if row.safe
    ]


def _left_alone(result: Result, margin: float) -> Finding:
    row, estimate = result.hypothesis, result.estimate
    claim = (
        f"{row.name} can be left at its default, {row.before}: all else as in the winner, an experiment gives the "
        f"winner's value a gain of {estimate.mean:+.4f} and at most {estimate.high:.4f}, below the seed's deviation of "
        f"{margin:.4f}."
    )
    interval = signed_interval(estimate)
    return Finding("default", claim, f"{estimate.mean:+.4f}", interval, estimate.n, SUPPORTED, result.runs)


def _by_surrogate(study: Study, row: Default) -> Finding:
    runs = list(trained_runs(study).run_id)
    claim = (
        f"{row.name} can be left at its default, {row.default}: all else as in the best configuration, the surrogate "
        f"sees {row.gain:.4f} to gain and at most {row.high:.4f}, below the seed's deviation of {row.margin:.4f}."
    )
    interval, step = f"[{row.low:.4f}, {row.high:.4f}]", "python -m study.confirm settles it."
    return Finding("default", claim, f"{row.gain:.4f}", interval, len(runs), SUGGESTIVE, runs, step)

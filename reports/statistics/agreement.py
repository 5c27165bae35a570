"""Whether a hyperparameter acts alike in two studies: its adjusted effect in one beside that in the other.

The model is that of the test of influence: normal scores of the outcomes' ranks on a quadratic or on levels of every
hyperparameter. Effects are compared over what both studies searched.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from reports.statistics.influence import columns
from reports.statistics.scales import Domain, Domains, normal_scores, varied
from study.core.domains import Range

PLACES = 41  # along the common part of two ranges
RESAMPLES = 400
FEWEST_LEFT = 4  # degrees of freedom that must remain for noise


class Agreement(NamedTuple):
    """The correlation of two studies' adjusted effects of a hyperparameter, from -1, opposite, to 1, alike, with its
    95% bootstrap interval; and where the objective is best in each."""

    name: str
    correlation: float
    low: float
    high: float
    first_best: float | str
    second_best: float | str


def agreement(
    name: str, first: pd.DataFrame, second: pd.DataFrame, domains: tuple[Domains, Domains], seed: int = 0
) -> Agreement | None:
    """How far the effects agree; None with too few trials, or without a common part of what was searched."""
    places = common(domains[0][name], domains[1][name])
    if len(places) < 2:
        return None
    rng, effects = np.random.default_rng(seed), []
    for trials, known in ((first, domains[0]), (second, domains[1])):
        found = _effects(name, trials, known, places, rng)
        if found is None:
            return None
        effects.append(found)
    correlations = np.array([_correlation(one, two) for one, two in zip(*effects, strict=True)])
    low, high = np.quantile(correlations[1:], [0.025, 0.975])
    best = (places[int(found[0].argmax())] for found in effects)
    return Agreement(name, float(correlations[0]), float(low), float(high), *best)


def common(first: Domain, second: Domain) -> list:
    """The levels that both domains have, or values along the part that two ranges share, on the first one's scale."""
    if not (first.numeric and second.numeric):
        return [level for level in first.ends if level in second.ends] if first.numeric == second.numeric else []
    low, high = max(min(first.ends), min(second.ends)), min(max(first.ends), max(second.ends))
    if low >= high:
        return []
    log = first.log if isinstance(first, Range) else low > 0
    return Range(float(low), float(high), log).values(np.linspace(0, 1, PLACES)).tolist()


def _effects(
    name: str, trials: pd.DataFrame, domains: Domains, places: list, rng: np.random.Generator
) -> np.ndarray | None:
    """The adjusted effect at each place `(1 + RESAMPLES, places)`, of all trials and of resampled ones."""
    known = varied(trials, domains)
    if name not in known or trials.objective.nunique() < 2:
        return None
    blocks = {other: columns(trials[other], domain) for other, domain in known.items() if other != name}
    own, at = _terms(trials[name], places, known[name])
    inputs = np.hstack([own, np.ones((len(trials), 1)), *blocks.values()])
    if len(trials) - inputs.shape[1] < FEWEST_LEFT:
        return None
    outcome = trials.objective.to_numpy(float)
    samples = [np.arange(len(trials)), *rng.integers(0, len(trials), (RESAMPLES, len(trials)))]
    return np.array([at @ _coefficients(inputs[rows], outcome[rows])[: own.shape[1]] for rows in samples])


def _terms(values: pd.Series, places: list, domain: Domain) -> tuple[np.ndarray, np.ndarray]:
    """The columns of a hyperparameter for trials and for places."""
    if not domain.numeric:
        levels = list(domain.ends)[1:]
        return tuple(
            np.array([[value == level for level in levels] for value in part], float) for part in (values, places)
        )
    u, at = (2 * domain.positions(part) - 1 for part in (values, places))
    powers = (1, 2) if values.nunique() > 2 else (1,)
    return tuple(np.column_stack([place**power for power in powers]) for place in (u, at))


def _coefficients(inputs: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(inputs, normal_scores(outcome), rcond=None)[0]


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """0 where an effect is flat."""
    one, two = first - first.mean(), second - second.mean()
    size = np.sqrt((one @ one) * (two @ two))
    return float(one @ two / size) if size > 0 else 0.0

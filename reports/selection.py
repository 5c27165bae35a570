"""Which runs a statement rests on, and what is computed of them once for all parts of a report."""

import json
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from reports.frames import Study
from reports.influence import Influence, influences
from reports.interactions import Interaction, interactions
from reports.stats import Estimate, spread
from reports.surrogate import LEAST_R2, Share, Surrogate, fit_surrogate
from study.outputs.names import DIVERGED

LEARNED = 0.1  # of the way from chance to 1: below it a network has learned next to nothing


def finalists(study: Study) -> dict[str, dict[str, Any]]:
    """Role and hyperparameters of the configurations that were confirmed last; empty without a confirmation."""
    return json.loads(study.tags.get("study.finalists", "{}"))


def of_finalist(study: Study, role: str) -> pd.DataFrame:
    """A finalist's confirmation runs by seed."""
    levels = finalists(study).get(role)
    return study.confirmed.iloc[:0] if levels is None else of_levels(study, levels)


def of_levels(study: Study, levels: dict[str, Any]) -> pd.DataFrame:
    """The confirmation runs of a configuration by seed."""
    runs = study.confirmed
    matches = np.logical_and.reduce([runs[name].eq(value) for name, value in levels.items() if name != "seed"])
    return runs[matches].sort_values("seed", kind="stable").drop_duplicates("seed")  # two machines may have run one


@lru_cache(maxsize=2)
def seed_noise(study: Study, metric: str = "objective") -> Estimate | None:
    """Standard deviation of a metric over seeds, pooled over the finalists; None if none was measured."""
    estimate = spread([of_finalist(study, role)[metric].dropna() for role in finalists(study)])
    return estimate if estimate is not None and estimate.mean > 0 else None


def failed(study: Study) -> pd.Series:
    """Which of the designed runs diverged, or learned next to nothing."""
    chance = float(study.tags.get("study.chance") or 1 / int(study.tags.get("study.classes", 10)))  # as it once was
    return (study.explored.state == DIVERGED) | (study.explored.objective <= chance + LEARNED * (1 - chance))


def trained_runs(study: Study) -> pd.DataFrame:
    """The designed runs that learned something."""
    return study.explored[~failed(study)]


@lru_cache(maxsize=1)
def influences_of(study: Study) -> list[Influence]:
    """The influence of every searched hyperparameter among the designed runs that trained at all."""
    return influences(trained_runs(study), study.space)


@lru_cache(maxsize=1)
def interactions_of(study: Study) -> list[Interaction]:
    """Every pair of searched hyperparameters among the designed runs that trained, those found first."""
    return interactions(trained_runs(study), study.space)


@lru_cache(maxsize=1)
def surrogate_of(study: Study) -> Surrogate | None:
    """The surrogate of the designed runs that trained; None for too few, or where all are equal."""
    return fit_surrogate(trained_runs(study), study.space)


@lru_cache(maxsize=1)
def accuracy_surrogate_of(study: Study) -> Surrogate | None:
    """The surrogate of plain accuracy, where the place of the best matters; None as for that of ranks."""
    surrogate = fit_surrogate(trained_runs(study), study.space, stats.zscore)
    return surrogate if surrogate is not None and surrogate.r2 >= LEAST_R2 else None


def trusted_surrogate(study: Study) -> Surrogate | None:
    """The surrogate if it predicts unseen trials well enough to say how much something matters."""
    surrogate = surrogate_of(study)
    return surrogate if surrogate is not None and surrogate.r2 >= LEAST_R2 else None


@lru_cache(maxsize=1)
def shares_of(study: Study) -> dict[str, Share]:
    """Every searched hyperparameter's part in the variance of accuracy, the dummy's last; empty without a trusted
    surrogate."""
    surrogate = trusted_surrogate(study)
    return surrogate.shares() if surrogate else {}

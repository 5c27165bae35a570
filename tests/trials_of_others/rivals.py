"""The same studies through Optuna's own importance evaluators, at the same rate of false claims.

They give importances without a verdict. So for each evaluator an importance is called a claim above the threshold that
claims the inert hyperparameter as often as the report does. All see hyperparameters on their own scales.
"""

from typing import NamedTuple

import numpy as np
import optuna
from optuna.distributions import FloatDistribution
from optuna.importance import (
    FanovaImportanceEvaluator,
    MeanDecreaseImpurityImportanceEvaluator,
    PedAnovaImportanceEvaluator,
)
from optuna.trial import create_trial

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.statistics.verdicts import SUPPORTED
from hyperstudy.study.comparisons.seeds import Estimate
from tests.trials_of_others.judge import LARGE, MIDDLE, QUIET
from tests.trials_of_others.rates import Tally
from tests.trials_of_others.tables import LEVELS
from tests.trials_of_others.truth import Truth

OURS = "this report"
EVALUATORS = {
    "fANOVA": lambda: FanovaImportanceEvaluator(seed=0),
    "PED-ANOVA": PedAnovaImportanceEvaluator,
    "MDI": lambda: MeanDecreaseImpurityImportanceEvaluator(seed=0),
}
SIZES = {"over 15%, quiet tables": (LARGE, QUIET), "over 15%": (LARGE, 1.0), "5 to 15%": (MIDDLE, 1.0)}


class Ranked(NamedTuple):
    """One hyperparameter of one study: its true share (None if it is inert), the noise's, and every importance.

    The report's own importance is 1 where it claims, otherwise 0.
    """

    share: float | None
    noise: float
    importance: dict[str, float]


def ranked(analysis: Analysis, truth: Truth) -> list[Ranked]:
    """Every hyperparameter of a study, by the report and by all evaluators."""
    study = optuna.create_study(direction="maximize")
    domains, runs = analysis.study.domains, analysis.study.trials
    places = {name: domain.positions(runs[name]) for name, domain in domains.items()}
    distributions = {name: FloatDistribution(0, 1) for name in domains}
    for row, value in enumerate(runs.objective):
        params = {name: float(np.clip(column[row], 0, 1)) for name, column in places.items()}
        study.add_trial(create_trial(params=params, distributions=distributions, value=value))
    found = {name: make().evaluate(study) for name, make in EVALUATORS.items()}
    ours = {row.name: float(row.verdict == SUPPORTED) for row in analysis.influences}
    return [
        Ranked(
            truth.total[name] if name in LEVELS else None,
            truth.noise,
            {OURS: ours.get(name, 0.0)} | {key: float(values[name]) for key, values in found.items()},
        )
        for name in domains
    ]


def power(rows: list[Ranked]) -> dict[str, dict[str, Estimate]]:
    """How often each finds true shares by size, and claims the inert hyperparameter, by evaluator."""
    idle = [row.importance for row in rows if row.share is None]
    false = np.mean([row[OURS] for row in idle])
    found: dict[str, dict[str, Estimate]] = {}
    for name in (OURS, *EVALUATORS):
        values = np.array([row[name] for row in idle])
        threshold = 0.5 if name == OURS else np.quantile(values, 1 - false, method="inverted_cdf")
        tallies = {"inert": Tally(int((values > threshold).sum()), len(values))}
        for size, (least, noise) in SIZES.items():
            most = LARGE if least == MIDDLE else 1.0
            acting = [row for row in rows if row.share is not None and row.noise < noise]
            said = [row.importance[name] > threshold for row in acting if least < row.share <= most]
            tallies[size] = Tally(sum(said), len(said))
        found[name] = {size: tally.estimate for size, tally in tallies.items() if tally.n}
    return found

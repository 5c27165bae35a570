"""Which ranges to extend, and which hyperparameters to leave at their default."""

import pandas as pd

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.page.section import Finding, Section
from hyperstudy.reports.sections.wording import probability
from hyperstudy.reports.statistics.ablations import Result
from hyperstudy.reports.statistics.boundaries import SURE, Crowd
from hyperstudy.reports.statistics.defaults import Default
from hyperstudy.reports.statistics.verdicts import SUGGESTIVE, SUPPORTED
from hyperstudy.study.outputs.objective import Objective


def boundary_claims(analysis: Analysis) -> list[Finding]:
    """Where the best lies at an end of a range."""
    return [_boundary(crowd) for crowd in analysis.crowds]


def _boundary(crowd: Crowd) -> Finding:
    n, beyond = len(crowd.runs), "below" if crowd.side == "lower" else "above"
    claim = f"{crowd.count} of the {n} best trials lie within 5% of the {crowd.side} end of {crowd.name}, {crowd.end:g}"
    if crowd.sure is not None and crowd.sure >= SURE:
        claim += f", and the average over the others is best there with probability {probability(crowd.sure)}"
    step = f"Extend {crowd.name} {beyond} {crowd.end:g}: its best value may lie there."
    return Finding(claim + ".", f"{crowd.count}/{n}", "", n, SUGGESTIVE, crowd.runs, step)


def default_claims(analysis: Analysis) -> list[Finding]:
    """Which hyperparameters can be left at their default without a relevant loss (non-inferiority)."""
    runs = list(analysis.trained.run_id)
    safe, objective = [row for row in analysis.defaults if row.safe], analysis.study.objective
    return [
        _by_experiment(row, row.result, objective) if row.result else _by_posterior(row, runs, objective)
        for row in safe
    ]


def _by_experiment(row: Default, result: Result, objective: Objective) -> Finding:
    gain, high, margin = objective.signed(row.gain), objective.size(row.high), objective.size(row.margin)
    claim = (
        f"{row.name} can be left at its default, {row.default}: all else as in the winner, the winner's value gains "
        f"{gain} in an experiment and at most {high}, less than the standard deviation over seeds, {margin}."
    )
    interval = objective.gain_interval(row.low, row.high)
    return Finding(claim, gain, interval, result.estimate.n, SUPPORTED, result.runs)


def _by_posterior(row: Default, runs: list[str], objective: Objective) -> Finding:
    claim = (
        f"{row.name} can be left at its default, {row.default}: all else as in the best configuration, the best value "
        f"is expected to gain {objective.amount(row.gain)} and at most {objective.amount(row.high)}, less than the "
        f"standard deviation over seeds, {objective.amount(row.margin)}."
    )
    interval, step = objective.amounts(row.low, row.high), "python -m study.ablate tests it."
    return Finding(claim, objective.amount(row.gain), interval, len(runs), SUGGESTIVE, runs, step)


def default_table(analysis: Analysis) -> pd.DataFrame:
    """The gain from changing one hyperparameter from its default, all else as in the winner: by experiment over
    fresh seeds where there is one, otherwise as the trials let expect in validation. A hyperparameter can be left alone
    if even the upper end of the interval is below the standard deviation over seeds."""
    size = analysis.study.objective.size
    rows = [
        {
            "hyperparameter": row.name,
            "default": row.default,
            "by": "experiment" if row.result else "trials",
            "gain": size(row.gain),
            "interval": f"[{size(row.low)}, {size(row.high)}]",
            "seed": row.margin,
            "leave it": "yes" if row.safe else "no",
        }
        for row in analysis.defaults
    ]
    return pd.DataFrame(rows)


SECTION = Section(
    "Which ranges to extend, and which defaults to keep",
    nothing="The best trials lie inside every range, and no default is known to be good enough.",
    claims={"boundary": boundary_claims, "default": default_claims},
    tables={"defaults": default_table},
)

"""The best of trials that others ran."""

import pandas as pd

from reports.analysis import Analysis
from reports.page.section import Finding, Section
from reports.statistics.verdicts import INCONCLUSIVE
from study.comparisons.arms import short
from study.outputs.names import COMPLETE

SHOWN = 10  # trials


def best_claims(analysis: Analysis) -> list[Finding]:
    """The best trial, and why it is no more than a candidate."""
    study, ranked = analysis.study, _ranked(analysis)
    best, second = ranked.iloc[0], ranked.iloc[1]
    values = " ".join(f"{name}={short(best[name])}" for name in study.searched)
    claim = (
        f"The best of {len(ranked)} complete trials, {best['name']}, reached {study.objective.label} "
        f"{study.objective.value(best.objective)}, the second {study.objective.value(second.objective)}: {values}. It "
        "is one run, and the best of many overstates itself."
    )
    step = "Train the best few and the configuration in use over five fresh seeds, and compare their means."
    return [Finding(claim, study.objective.value(best.objective), "", len(ranked), INCONCLUSIVE, [best.run_id], step)]


def best_table(analysis: Analysis) -> pd.DataFrame:
    """The best complete trials."""
    study, ranked = analysis.study, _ranked(analysis).head(SHOWN)
    frame = ranked[["name", *study.searched]].assign(**{study.objective.name: study.objective.own(ranked.objective)})
    return frame.assign(seconds=ranked.seconds, link=ranked.link).dropna(axis=1, how="all")


def _ranked(analysis: Analysis) -> pd.DataFrame:
    trials = analysis.study.trials
    return trials[trials.state == COMPLETE].sort_values("objective", ascending=False, kind="stable")


SECTION = Section("The best trials", claims={"best": best_claims}, tables={"best": best_table})

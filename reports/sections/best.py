"""The best of trials that others ran."""

import pandas as pd

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.page.section import Finding, Section
from hyperstudy.reports.statistics.verdicts import INCONCLUSIVE
from hyperstudy.study.comparisons.decision import in_levels
from hyperstudy.study.outputs.names import COMPLETE

SHOWN = 10  # trials


def best_claims(analysis: Analysis) -> list[Finding]:
    """The best trial, and why it is no more than a candidate."""
    study, ranked = analysis.study, _ranked(analysis)
    best, second = ranked.iloc[0], ranked.iloc[1]
    claim = f"{best_in_words(analysis)} The second reached {study.objective.value(second.objective)}."
    step = "Train the best few and the configuration in use over five fresh seeds, and compare their means."
    return [Finding(claim, study.objective.value(best.objective), "", len(ranked), INCONCLUSIVE, [best.run_id], step)]


def best_in_words(analysis: Analysis) -> str:
    """The best complete trial in a sentence, and what it is not."""
    study, ranked, objective = analysis.study, _ranked(analysis), analysis.study.objective
    best = ranked.iloc[0]
    levels = in_levels({name: best[name] for name in study.searched})
    return (
        f"Nothing is confirmed yet. The best of {len(ranked)} complete trials, {best['name']}, reached "
        f"{objective.name} {objective.measured(best.objective)} with {levels}: one run, and the best of many "
        "overstates itself."
    )


def best_table(analysis: Analysis) -> pd.DataFrame:
    """The best complete trials."""
    study, ranked = analysis.study, _ranked(analysis).head(SHOWN)
    frame = ranked[["name", *study.searched]].assign(**{study.objective.name: study.objective.own(ranked.objective)})
    return frame.assign(seconds=ranked.seconds, link=ranked.link).dropna(axis=1, how="all")


def _ranked(analysis: Analysis) -> pd.DataFrame:
    trials = analysis.study.trials
    return trials[trials.state == COMPLETE].sort_values("objective", ascending=False, kind="stable")


SECTION = Section("The best trials", claims={"best": best_claims}, tables={"best": best_table})

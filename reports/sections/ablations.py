"""What experiments say: the effect of each change from the default to the winner, over paired seeds."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.page.objective import noise_band, seeds_and_means
from hyperstudy.reports.page.points import pointed, remark
from hyperstudy.reports.page.section import Finding, Section
from hyperstudy.reports.page.style import canvas
from hyperstudy.reports.sections.wording import p_value
from hyperstudy.reports.statistics.ablations import Result
from hyperstudy.reports.statistics.verdicts import SUPPORTED
from hyperstudy.study.comparisons.arms import ALONE, PATH, SEEDS, short
from hyperstudy.study.core.text import literal
from hyperstudy.study.outputs.objective import Objective

FLAT = 5  # arms whose labels fit beside each other


def experiment_claims(analysis: Analysis) -> list[Finding]:
    """The effect of each change from default to winner on its own, at the winner."""
    objective = analysis.study.objective
    return [_claim(result, objective) for result in analysis.results if result.hypothesis.kind == ALONE]


def _claim(result: Result, objective: Objective) -> Finding:
    row, (mean, low, high, n) = result.hypothesis, result.estimate
    raises = "raises" if objective.own(mean) > 0 else "lowers"
    does = f"{raises} {objective.confirmed.name} by {objective.sized(abs(mean))}" if mean else "changes nothing"
    tested = f" ({p_value(result.p)}, corrected)" if result.p is not None else ""
    claim = (
        f"{row.name} {short(row.after)} instead of the default {short(row.before)}, all else as in the winner, "
        f"{does} over paired seeds{tested}."
    )
    step = "" if result.verdict == SUPPORTED else _more_seeds(result)
    interval = objective.difference_interval(low, high)
    return Finding(claim, objective.difference(mean), interval, n, result.verdict, result.runs, step)


def _more_seeds(result: Result) -> str:
    n = result.estimate.n
    if result.estimate.low is None:
        return f"Equal differences show no spread to judge by: --seeds {max(SEEDS, 2 * n)}."
    if result.needed is None:
        return "To find a difference this small takes over 1,000 seeds: take whichever is cheaper."
    return f"--seeds {max(result.needed, n + 1)} would settle a difference of this size."


def ablation(analysis: Analysis) -> Figure | None:
    """Test accuracy on the path from the default to the winner, one hyperparameter after another, over equal seeds
    (thin lines) with means and 95% intervals."""
    path = [row for row in analysis.hypotheses if row.kind == PATH]
    arms = [row.low for row in path] + [row.high for row in path[-1:]]
    runs = [analysis.study.runs_of(arm.levels).set_index("seed", drop=False) for arm in arms]
    wide = pd.DataFrame({place: part.tested for place, part in enumerate(runs)}).dropna()
    if len(arms) < 3 or len(wide) < 2:
        return None
    figure, axes = canvas(3.8)
    if analysis.test_noise is not None:
        noise_band(axes, wide[0].mean(), analysis.test_noise, analysis.study.objective)
        remark(axes, "The band is the default's mean plus or minus two standard deviations over seeds.")
    seeds_and_means(axes, wide, analysis.study.objective)
    for place, part in enumerate(runs):
        pointed(axes, analysis.study, part.loc[wide.index], [place] * len(wide), wide[place], "tested")
    axes.set_xticks(range(len(arms)), ["default", *(f"+ {row.name}\n{literal(short(row.after))}" for row in path)])
    if len(arms) > FLAT:
        axes.tick_params(axis="x", rotation=90)
    axes.set_xlim(-0.4, len(arms) - 0.6)
    return figure


def hypothesis_table(analysis: Analysis) -> pd.DataFrame:
    """The hypotheses about winner and default. Alone: all else as in the winner; path: from default to winner, one
    hyperparameter after another. Runs that two rows share are counted in the first; seconds of training are estimated.
    Differences are in test accuracy over paired seeds, with 95% intervals; p corrected by Holm."""
    results = {result.hypothesis[:2]: result for result in analysis.results}
    missing: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    for row in analysis.hypotheses:
        new = {arm.name: analysis.missing_runs(arm) for arm in (row.low, row.high) if arm.name not in missing}
        missing |= new
        runs = sum(new.values())
        seconds = None if analysis.run_seconds is None else runs * analysis.run_seconds
        rows.append({"kind": row.kind, "change": row.change, "missing runs": runs, "seconds": seconds})
        if result := results.get(row[:2]):
            mean, low, high, seeds = result.estimate
            difference = analysis.study.objective.measured(mean, low, high)
            rows[-1] |= {"difference": difference, "p": result.p, "verdict": result.verdict, "seeds": seeds}
    return pd.DataFrame(rows)


SECTION = Section(
    "What experiments say",
    nothing="There is nothing to compare: no winner was confirmed, or it is the default.",
    claims={"experiment": experiment_claims},
    figures={"ablation": ablation},
    tables={"hypotheses": hypothesis_table},
)

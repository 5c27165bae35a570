"""Which hyperparameters matter, and how much."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from reports.analysis import Analysis
from reports.frames import Study
from reports.page.section import Finding, Section
from reports.page.style import GREY, VERDICT_COLOURS, canvas
from reports.sections.wording import larger_study, percent_interval
from reports.statistics.influence import Influence
from reports.statistics.scales import bucket
from reports.statistics.surrogate import DUMMY
from reports.statistics.verdicts import INCONCLUSIVE, SUGGESTIVE, SUPPORTED

WORDS = {SUPPORTED: "matters", SUGGESTIVE: "may matter", INCONCLUSIVE: "shows no clear influence"}


def influence_claims(analysis: Analysis) -> list[Finding]:
    """Which hyperparameters matter among the designed runs that trained."""
    return [_influence(analysis, row) for row in analysis.influences] or [_nothing_to_test(analysis)]


def _nothing_to_test(analysis: Analysis) -> Finding:
    trained, names = analysis.trained, ", ".join(analysis.study.searched)
    n = len(trained)
    claim = f"{n} designed trials that trained are too few to say which of {names} matters."
    step = "Needed: " + larger_study(analysis.study, 32)
    if n >= 8 and trained.objective.nunique() == 1:
        claim = f"All {n} designed trials that trained reached the same accuracy: {names} cannot be told apart."
        step = "Widen the ranges, or study a harder data set."
    return Finding(claim, "", "", n, INCONCLUSIVE, list(trained.run_id), step)


def _influence(analysis: Analysis, row: Influence) -> Finding:
    share, effect, interval = analysis.shares.get(row.name), "", ""
    how = "the surrogate predicts too little to say how much"
    if share is not None:
        effect, interval = f"{share.total:.0%}", percent_interval(share.total_low, share.total_high)
        how = f"it accounts for {share.total:.0%} of the variance in rank, {max(share.first, 0):.0%} on its own"
        floor = analysis.surrogate.floor
        how += f"; an irrelevant hyperparameter may reach {floor:.0%}" if share.total <= floor else ""
    tests = len(analysis.influences)
    words = WORDS[analysis.study.at_most(row.verdict)]
    claim = f"{row.name} {words} (p = {row.p_holm:.4f}, corrected for {tests} tests): {how}."
    step = ""
    if row.verdict == SUPPORTED:
        claim += _best_bucket(analysis.trained, row.name, analysis.study)
    elif row.needed is None:
        step = "More than 4,096 designed trials would be needed to find an influence this small."
    else:
        step = "To be surer: " + larger_study(analysis.study, row.needed)
    return Finding(claim, effect, interval, row.n, row.verdict, list(analysis.trained.run_id), step)


def _best_bucket(runs: pd.DataFrame, name: str, study: Study) -> str:
    """In which third of its range, or at which level, the median run is best, as a sentence."""
    medians = runs.objective.groupby(bucket(runs[name], study.domains[name]), observed=True).median().sort_values()
    best, worst = (study.objective.value(medians.iloc[place]) for place in (-1, 0))
    return (
        f" The median run is best with {name} {medians.index[-1]} ({best}) and worst with {medians.index[0]} ({worst})."
    )


def importance(analysis: Analysis) -> Figure | None:
    """Each hyperparameter's share of the variance in rank of accuracy among the designed runs that trained: with all
    interactions (bar, Sobol's total index) and alone (white tick, first-order), by a Gaussian process, with 95%
    intervals. Dark bars are supported by the permutation test, pale ones are not. The inert dummy is an irrelevant
    hyperparameter that was treated like the others. Bars left of the dashed line could come from an irrelevant
    hyperparameter."""
    shares, surrogate = analysis.shares, analysis.surrogate
    if not shares:
        return None
    verdicts = {row.name: analysis.study.at_most(row.verdict) for row in analysis.influences}
    order = sorted(shares, key=lambda name: (name == DUMMY, -shares[name].total))
    figure, axes = canvas(1.2 + 0.48 * len(order))
    for place, name in enumerate(order):
        share, verdict = shares[name], verdicts.get(name, INCONCLUSIVE)
        axes.barh(place, share.total, color=VERDICT_COLOURS[verdict], height=0.6)
        axes.plot([max(share.first, 0)] * 2, [place - 0.27, place + 0.27], color="white", linewidth=2)
        axes.plot([share.total_low, share.total_high], [place, place], color="black", linewidth=1.2)
        text = f"{share.total:.0%}" if name == DUMMY else f"{share.total:.0%}, {verdict}"
        label = axes.text(max(share.total, share.total_high) + 0.015, place, text, va="center", fontsize=10)
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})  # hides the dashed line behind the text
    axes.axvline(surrogate.floor, color=GREY, linestyle="--", linewidth=1)
    axes.set_yticks(range(len(order)), order)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.3), xlabel=f"share of the variance in rank (n = {surrogate.n}, $R^2$ = {surrogate.r2:.2f})")
    axes.xaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    return figure


def importance_table(analysis: Analysis) -> pd.DataFrame:
    """Sobol indices of a Gaussian process on the designed trials that trained, as shares of the variance in rank, noise
    included, with 95% intervals, and p values of the permutation test, corrected by Holm. R2 is cross-validated;
    floor is the largest total index of the inert dummy over 19 shuffles of it."""
    surrogate, tests, rows = analysis.surrogate, {row.name: row for row in analysis.influences}, []
    for name, share in analysis.shares.items():
        test = tests.get(name)
        alone, total = (f"[{low:.1%}, {high:.1%}]" for low, high in (share[1:3], share[4:6]))
        rows.append({"hyperparameter": name, "alone": f"{max(share.first, 0):.1%}", "interval": alone})
        rows[-1] |= {"total": f"{share.total:.1%}", "total interval": total, "p": test.p_holm if test else None}
        rows[-1] |= {
            "verdict": analysis.study.at_most(test.verdict) if test else "",
            "R2": surrogate.r2,
            "floor": surrogate.floor,
        }
        rows[-1] |= {"trials": surrogate.n}
    return pd.DataFrame(rows)


SECTION = Section(
    "Which hyperparameters matter",
    nothing="No trial is finished yet.",
    claims={"influence": influence_claims},
    figures={"importance": importance},
    tables={"importance": importance_table},
)

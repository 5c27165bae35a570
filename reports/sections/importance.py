"""Which hyperparameters matter, and how much."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.page.section import Finding, Section
from hyperstudy.reports.page.style import VERDICT_COLOURS, canvas
from hyperstudy.reports.sections.wording import between, larger_study, level, percent_interval, probability
from hyperstudy.reports.statistics.effects import Difference, Effect
from hyperstudy.reports.statistics.influence import Influence, trials_needed
from hyperstudy.reports.statistics.shares import LEAST
from hyperstudy.reports.statistics.verdicts import INCONCLUSIVE, SUGGESTIVE, SUPPORTED
from hyperstudy.study.core.domains import Domain
from hyperstudy.study.core.text import literal
from hyperstudy.study.outputs.objective import Objective

WORDS = {SUPPORTED: "matters", SUGGESTIVE: "may matter", INCONCLUSIVE: "shows no clear influence"}


def influence_claims(analysis: Analysis) -> list[Finding]:
    """Which hyperparameters matter among the runs that trained."""
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
    domain, found, share = analysis.study.domains[row.name], row.effect.difference, row.share
    objective = analysis.study.objective
    sure = f"probability {probability(row.probability)} that its share of the variance exceeds {LEAST:.0%}"
    claim = f"{row.name} {WORDS[analysis.study.at_most(row.verdict)]} ({sure})"
    if row.verdict != INCONCLUSIVE:
        claim += f": averaged over the others, {_apart(objective, domain, row.effect)}"
    claim += f"; its share is {share.total:.0%} {percent_interval(share.total_low, share.total_high)}."
    effect, interval = objective.amount(found.mean), objective.amounts(found.low, found.high)
    step = "" if row.verdict == SUPPORTED else _to_be_surer(analysis, row)
    return Finding(claim, effect, interval, row.n, row.verdict, list(analysis.trained.run_id), step)


def _apart(objective: Objective, domain: Domain, effect: Effect) -> str:
    """Where it is best and worst, and how far these are apart. The lower end is the promise: on real tables estimates
    are rather too small. Where the draws do not agree that the best is better, neither is named."""
    found = effect.difference
    if not effect.is_directed:
        return f"its best and worst value are not told apart ({objective.amount(found.mean)}, which may be nothing)"
    least = f"at least {objective.amount(found.low)}" if found.low > 0 else "which may be nothing"
    return (
        f"accuracy is best at {level(domain, effect.best)} and worst at {level(domain, effect.worst)}, "
        f"{objective.amount(found.mean)} apart, {least}"
    )


def _to_be_surer(analysis: Analysis, row: Influence) -> str:
    """What would show the influence, over the shares that the interval holds."""
    count = len(analysis.study.searched)
    few, many = (trials_needed(share, count) for share in (row.share.total_high, row.share.total_low))
    if row.share.total_high <= LEAST:
        return "More trials are not needed: its share is too small to matter."
    if few is None:
        return "Over 1,024 designed trials would be needed to find an influence this small."
    if many is not None and many <= len(analysis.study.explored):
        return "To be surer: " + larger_study(analysis.study)
    found = (
        f"{few} to {many} designed trials" if many else f"{few} designed trials or more, depending on its true share"
    )
    return f"Four studies in five would find it with {found}: " + larger_study(analysis.study, few)


def importance(analysis: Analysis) -> Figure | None:
    """What moving each hyperparameter from its worst to its best value adds to validation accuracy, averaged over all
    configurations of the others that train, with the posterior's 95% intervals: their lower ends held for 98% of
    effects on real tables, and a true effect was often larger than estimated. The strongest colour: supported; a
    lighter one: suggestive; grey: inconclusive."""
    rows = analysis.influences
    if not rows:
        return None
    figure, axes = canvas(0.9 + 0.62 * len(rows))
    scale = 100 if analysis.study.objective.accuracy else 1  # points
    for place, row in enumerate(rows):
        found, domain = row.effect.difference, analysis.study.domains[row.name]
        colour = VERDICT_COLOURS[analysis.study.at_most(row.verdict)]
        axes.barh(place, scale * found.mean, color=colour, height=0.34)
        axes.plot([scale * found.low, scale * found.high], [place, place], color="black", linewidth=1.2)
        words = f" {row.name}: {level(domain, row.effect.worst)} \N{RIGHTWARDS ARROW} {level(domain, row.effect.best)}"
        axes.text(0, place - 0.26, literal(words), va="bottom", fontsize=10.5)
    unit = "points of accuracy" if scale == 100 else literal(analysis.study.objective.label)
    axes.set(ylim=(len(rows) - 0.6, -0.75), yticks=[], xlabel=f"gain from worst to best, {unit}")
    axes.spines["left"].set_position(("data", 0))
    return figure


def importance_table(analysis: Analysis) -> pd.DataFrame:
    """What each hyperparameter does among configurations that train, with 95% intervals. Worst to best: averaged over
    the others. Near the best: values that are more likely than not within a point of it. Tuned alone: the gain
    over the default, all others at theirs. Share: of the variance in rank, noise included, with all interactions and
    alone (Sobol indices)."""
    gains, objective = {row.name: row for row in analysis.gains}, analysis.study.objective
    rows: list[dict[str, Any]] = []
    for row in analysis.influences:
        domain, found, share, tuned = analysis.study.domains[row.name], row.effect, row.share, gains.get(row.name)
        moved = _amount(objective, found.difference)
        rows.append({"hyperparameter": row.name, "worst": level(domain, found.worst)})
        rows[-1] |= {
            "best": level(domain, found.best),
            "worst to best": moved,
            "near the best": between(domain, found.near),
        }
        alone = f"{_amount(objective, tuned.difference)} at {level(domain, tuned.after)}" if tuned else "-"
        rows[-1] |= {"tuned alone": alone}
        rows[-1] |= {"share": f"{share.total:.0%} {percent_interval(share.total_low, share.total_high)}"}
        rows[-1] |= {"alone": f"{share.first:.0%} {percent_interval(share.first_low, share.first_high)}"}
        rows[-1] |= {"probability": round(row.probability, 3), "verdict": analysis.study.at_most(row.verdict)}
    return pd.DataFrame(rows)


def _amount(objective: Objective, found: Difference) -> str:
    return f"{objective.amount(found.mean)} {objective.amounts(found.low, found.high)}"


SECTION = Section(
    "Which hyperparameters matter",
    nothing="No trial is finished yet.",
    claims={"influence": influence_claims},
    figures={"importance": importance},
    tables={"importance": importance_table},
)

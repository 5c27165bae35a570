"""Which hyperparameters act together, and how the best learning rate changes with the batch size."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.page.objective import objective_axis
from hyperstudy.reports.page.section import Finding, Section
from hyperstudy.reports.page.style import DASHES, LEVELS, canvas, hyperparameter_axis, legend_below, with_unit
from hyperstudy.reports.sections.wording import larger_study, p_value
from hyperstudy.reports.statistics.effects import AROUND, around, tried
from hyperstudy.reports.statistics.interactions import LEVEL, Interaction, trials_needed
from hyperstudy.reports.statistics.lr_law import RULES
from hyperstudy.reports.statistics.scales import bucket
from hyperstudy.reports.statistics.verdicts import INCONCLUSIVE, SUPPORTED
from hyperstudy.study.core.domains import Domain
from hyperstudy.study.core.text import literal


def interaction_claims(analysis: Analysis) -> list[Finding]:
    """Which pairs interact; one sentence says that none was found, or that there were too few trials to look."""
    study, rows, n = analysis.study, analysis.interactions, len(analysis.trained)
    if len(study.searched) < 2 or not analysis.influences:
        return []
    runs, step = list(analysis.trained.run_id), "To see more: " + larger_study(study, trials_needed(study.domains))
    if not rows:
        claim = f"{n} designed trials that trained are too few to look for interactions."
        return [Finding(claim, "", "", n, INCONCLUSIVE, runs, step)]
    if rows[0].found:
        return [_interaction(row, len(rows), runs) for row in rows if row.found]
    claim = f"None of {len(rows)} pairs shows an interaction (least p = {rows[0].p:.2f}, corrected; level {LEVEL:g})."
    return [Finding(claim, "", "", n, INCONCLUSIVE, runs, step)]


def _interaction(row: Interaction, pairs: int, runs: list[str]) -> Finding:
    one, two = row.pair
    claim = (
        f"{one} and {two} interact: the effect of one depends on the other. Their product accounts for {row.share:.0%} "
        f"of the variance beyond their own effects, on the scale of {row.scale} ({p_value(row.p)}, corrected for "
        f"{pairs} pairs)."
    )
    return Finding(claim, f"{row.share:.0%}", "", row.n, SUPPORTED, runs)


def lr_law_claims(analysis: Analysis) -> list[Finding]:
    """How the best learning rate changes with the batch size, compared with the usual rules."""
    law, trained = analysis.lr_law, analysis.trained
    if law is None:
        return []
    fits = [rule for rule, exponent in RULES.items() if law.low <= exponent <= law.high]
    excluded = [rule for rule in RULES if rule not in fits]
    claim = (
        "At equal epochs, so with fewer updates for larger batches, the best lr grows as batch_size to the power of "
        f"{law.exponent:.2f}. Of the usual rules this fits {', '.join(fits) or 'none'}"
    )
    claim += f" and excludes {', '.join(excluded)}." if excluded else "; none is excluded."
    verdict = SUPPORTED if excluded else INCONCLUSIVE
    step = "" if excluded else "To tell the rules apart: " + larger_study(analysis.study)
    interval = f"[{law.low:.2f}, {law.high:.2f}]"
    return [Finding(claim, f"{law.exponent:.2f}", interval, len(trained), verdict, list(trained.run_id), step)]


def pair(analysis: Analysis) -> Figure | None:
    """The pair with the clearest interaction: accuracy averaged over all others. A line per level,
    or per third of the range, of the second, with 95% bands; parallel lines would mean no interaction."""
    found, posterior, study = analysis.interactions, analysis.posterior, analysis.study
    if not found or not found[0].found or posterior is None:
        return None
    one, two = sorted(found[0].pair, key=lambda name: not study.domains[name].numeric)
    domain, places = study.domains[one], tried(study.domains[one])
    shown = domain.values(places) if domain.numeric else places
    figure, axes = canvas(4.0)
    means = []
    for number, (label, level) in enumerate(_levels(study.explored[two], study.domains[two])):
        points = around(posterior, (one, two), np.column_stack([places, np.full(len(places), level)]))
        values = posterior.outcomes(points).reshape(len(places), AROUND, -1).mean(1)
        (low, high), mean = np.quantile(values, [0.025, 0.975], axis=1), values.mean(1)
        axes.fill_between(shown, low, high, color=LEVELS[number % 7], alpha=0.15, linewidth=0)
        axes.plot(shown, mean, DASHES[number % 7], color=LEVELS[number % 7], label=literal(f"{two} {label}"))
        means.append(mean)
    if not domain.numeric:
        axes.set_xticks(places, list(map(literal, domain.ends)))
    hyperparameter_axis(axes.xaxis, axes.set_xscale, domain)
    objective_axis(axes, np.concatenate(means), study.objective)
    axes.set_xlabel(with_unit(one, study.space[one]))
    legend_below(axes)
    return figure


def _levels(values: pd.Series, domain: Domain) -> list[tuple[str, float]]:
    """Label and position of every level, or of the lowest, middle and highest third of a range."""
    if not domain.numeric:
        return [(level, float(number)) for number, level in enumerate(domain.ends)]
    parts = values.groupby(bucket(values, domain), observed=True)
    return [(str(label), float(domain.positions(part).mean())) for label, part in parts]


SECTION = Section(
    "Which hyperparameters act together",
    nothing="There are no pairs to compare yet.",
    claims={"interaction": interaction_claims, "scaling": lr_law_claims},
    figures={"pair": pair},
)

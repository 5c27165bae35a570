"""Where training fails, among all designed trials."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.frames import Study
from hyperstudy.reports.page.points import pointed, remark
from hyperstudy.reports.page.section import Finding, Section
from hyperstudy.reports.page.style import ACCURACY, ORANGE, Look, canvas, hyperparameter_axis, with_unit
from hyperstudy.reports.sections.wording import larger_study, p_value, percent_interval
from hyperstudy.reports.statistics.breakpoints import Break, Edge
from hyperstudy.reports.statistics.effects import AROUND, around
from hyperstudy.reports.statistics.intervals import Interval, rate
from hyperstudy.reports.statistics.posterior import Posterior
from hyperstudy.reports.statistics.scales import bucket
from hyperstudy.reports.statistics.verdicts import INCONCLUSIVE, SUPPORTED
from hyperstudy.study.core.domains import Range
from hyperstudy.study.core.text import literal
from hyperstudy.study.outputs.names import DIVERGED

ENOUGH = 8  # designed trials for a rate of failures
NEAR = 0.22  # of the square of two ranges: farther from every designed trial nothing is drawn
SIDE = 15  # points of the surface along each axis


def failure_claims(analysis: Analysis) -> list[Finding]:
    """How often training fails over the whole space, and where."""
    runs, failures = analysis.study.explored, int(analysis.failed.sum())
    if runs.empty:
        return []
    share, claim = rate(failures, len(runs)), _failures(analysis.study, runs, failures)
    found = [row for row in analysis.breaks if row.found] or analysis.corners[:1]  # other pairs overlap with the first
    step, verdict = "", "" if len(runs) >= ENOUGH else INCONCLUSIVE  # a count needs no verdict
    if verdict == INCONCLUSIVE:
        step = "Too few to estimate a rate: " + larger_study(analysis.study, ENOUGH)
    elif failures and not found:
        step = "It is not clear which hyperparameter causes it: " + larger_study(analysis.study)
    interval, evidence = percent_interval(share.low, share.high), list(runs[analysis.failed].run_id)
    every = Finding(claim, f"{share.mean:.0%}", interval, len(runs), verdict, evidence, step)
    return [every, *(_break(analysis, row, evidence) for row in found)]


def _failures(study: Study, runs: pd.DataFrame, failures: int) -> str:
    """How many of the runs failed, and how."""
    diverged = int((runs.state == DIVERGED).sum())
    if study.origin:
        return (
            f"{failures} of {len(runs)} trials failed: {diverged} ended without a finite value of the objective, and "
            f"{failures - diverged} with an error."
        )
    if study.chance is None:
        return f"{failures} of {len(runs)} designed trials diverged{', and have no value' if failures else ''}."
    rest = "at or near chance" if study.objective.accuracy else "no better than guessing"
    return (
        f"{failures} of {len(runs)} designed trials failed to train: {diverged} diverged, and {failures - diverged} "
        f"ended {rest}."
    )


def _break(analysis: Analysis, row: Break, evidence: list[str]) -> Finding:
    claim = (
        f"Training fails with {' together with '.join(map(_where, row.edges))}: {_count(row.beyond)} there, "
        f"{_count(row.within)} elsewhere ({p_value(row.p)}, corrected)"
    )
    claim += "; neither is found to do so alone." if len(row.edges) > 1 else "."
    effect, interval = f"{row.beyond.mean:.0%}", percent_interval(row.beyond.low, row.beyond.high)
    edge, limits = row.edges[0], analysis.limits.get(row.edges[0].name)
    if limits is not None and limits.overall is not None:
        limit = limits.overall
        effect, interval = f"{limit.value:.3g}", f"[{limit.low:.3g}, {limit.high:.3g}]"
        claim += f" At {edge.name} {limit.value:.3g} half of the trials fail, {edge.side} it more of them."
    return Finding(claim, effect, interval, len(analysis.study.explored), SUPPORTED, evidence)


def _where(edge: Edge) -> str:
    if edge.side == "at":
        return f"{edge.name} at {edge.cut}"
    return f"{edge.name} from {edge.cut:.3g} {'up' if edge.side == 'above' else 'down'}"


def _count(share: Interval) -> str:
    return f"{round(share.mean * share.n)} of {share.n}"


def lr_and_batch_size(analysis: Analysis) -> Figure | None:
    """Learning rate and batch size of every trial, coloured by accuracy. A star marks the best run."""
    study = analysis.study
    trials = study.trials[study.trials.objective.notna() | (study.trials.state == DIVERGED)]
    if not {"lr", "batch_size"} <= set(study.searched) or trials.objective.isna().all():
        return None
    figure, axes = canvas(4.2)
    limits = Look(vmin=trials.objective.quantile(0.25), vmax=trials.objective.max(), cmap=ACCURACY)
    if analysis.posterior is not None:
        _surface(axes, analysis.study, analysis.posterior, limits)
        _lines(axes, analysis)
    drawn = _dots(axes, trials, limits)
    pointed(axes, study, trials, trials.lr, trials.batch_size)
    hyperparameter_axis(axes.xaxis, axes.set_xscale, study.domains["lr"])
    hyperparameter_axis(axes.yaxis, axes.set_yscale, study.domains["batch_size"])
    axes.set(xlabel="lr", ylabel=with_unit("batch_size", study.space["batch_size"]))
    label, own = literal(study.objective.label), FuncFormatter(lambda value, _: f"{study.objective.own(value):.4g}")
    if not study.objective.accuracy:
        remark(axes, "The darker, the better.")
    figure.colorbar(drawn, ax=axes, label=label, extend="min", format=own)
    return figure


def _dots(axes: Axes, trials: pd.DataFrame, limits: Look) -> PathCollection:
    """A dot for every trial, a star around the best, and crosses for those that diverged."""
    diverged, best = trials[trials.state == DIVERGED], trials.loc[trials.objective.idxmax()]
    rest, whole = trials.drop(diverged.index), Look(clip_on=False, zorder=3)  # also at the ends of the ranges
    dots = Look(c=rest.objective, s=46, edgecolor="white", linewidth=0.7)
    drawn = axes.scatter(rest.lr, rest.batch_size, **dots, **limits, **whole)
    if len(diverged):
        axes.scatter(diverged.lr, diverged.batch_size, marker="x", color=ORANGE, s=40, **whole)
        remark(axes, "Crosses mark those that diverged.")
    star = Look(marker="*", s=260, facecolor="none", edgecolor="black", linewidth=1.2)
    axes.scatter(best.lr, best.batch_size, **star, **whole)
    return drawn


def _surface(axes: Axes, study: Study, posterior: Posterior, limits: Look) -> None:
    names, side = ("lr", "batch_size"), np.linspace(0, 1, SIDE)
    domains = [study.domains[name] for name in names]
    if not all(isinstance(domain, Range) for domain in domains):
        return
    grid = np.array([(x, y) for y in side for x in side])
    seen = np.column_stack(
        [domain.positions(study.explored[name]) for name, domain in zip(names, domains, strict=True)]
    )
    distance = np.linalg.norm(grid[:, None] - seen[None], axis=2).min(1)
    average = posterior.outcomes(around(posterior, names, grid)).mean(1).reshape(len(grid), AROUND).mean(1)
    values = np.where(distance < NEAR, average, np.nan)
    levels = np.linspace(limits["vmin"], limits["vmax"], 9)
    x, y = (domain.values(side) for domain in domains)
    axes.contourf(x, y, values.reshape(SIDE, SIDE), levels, alpha=0.45, extend="min", **limits)
    remark(axes, "The surface is the average over all others, drawn where designed trials are near.")


def _lines(axes: Axes, analysis: Analysis) -> None:
    if analysis.lr_law is not None:
        for curve, style in zip(analysis.lr_law.best, ("-", ":", ":"), strict=True):
            axes.plot(curve, analysis.lr_law.batch_sizes, style, color="black", linewidth=1.5)
        remark(axes, "Solid line: the best lr at each batch size; dotted: its 95% band.")
    found = analysis.limits.get("lr")
    if found is not None and found.overall is not None:
        axes.axvline(found.overall.value, color=ORANGE, linewidth=1.6)
        axes.axvspan(found.overall.low, found.overall.high, color=ORANGE, alpha=0.15, linewidth=0)
        remark(axes, "Orange line: half of the trials fail there; band: its 95% interval.")


def failure_table(analysis: Analysis) -> pd.DataFrame:
    """Designed trials that failed to train, by part of each range, with Wilson's 95% interval."""
    runs, rows = analysis.study.explored, []
    for name, domain in analysis.study.domains.items() if len(runs) else ():
        for level, part in analysis.failed.groupby(bucket(runs[name], domain), observed=True):
            share = rate(int(part.sum()), len(part))
            rows.append({"hyperparameter": name, "level": level, "trials": len(part), "failed": int(part.sum())})
            rows[-1] |= {"share": f"{share.mean:.0%}", "interval": percent_interval(share.low, share.high)}
    return pd.DataFrame(rows)


def limit_table(analysis: Analysis) -> pd.DataFrame:
    """The value at which half of the designed trials fail, by logistic regression, over all and at each level or third
    of the range of each other hyperparameter, with 95% bootstrap intervals."""
    rows, sides = [], {row.edges[0].name: row.edges[0].side for row in analysis.breaks}
    for name, found in analysis.limits.items():
        for (other, level), limit in {("all", "all"): found.overall, **found.levels}.items():
            if limit is not None:
                rows.append({"fails": f"{name} {sides[name]}", "other": other, "level": level, "limit": limit.value})
                rows[-1] |= {"interval": f"[{limit.low:.3g}, {limit.high:.3g}]"}
    return pd.DataFrame(rows)


SECTION = Section(
    "Where training fails",
    nothing="No trial is finished yet.",
    claims={"failure": failure_claims},
    figures={"lr_and_batch_size": lr_and_batch_size},
    tables={"failures": failure_table, "limits": limit_table},
)

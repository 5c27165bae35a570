"""How networks learn, and what that costs."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.page.objective import objective_axis
from hyperstudy.reports.page.points import pointed
from hyperstudy.reports.page.section import Finding, Section
from hyperstudy.reports.page.style import BLUE, GREEN, GREY, ORANGE, SKY, Look, canvas, legend_below
from hyperstudy.reports.statistics.budget import expected_best, pareto
from hyperstudy.reports.statistics.curves import audit
from hyperstudy.reports.statistics.verdicts import INCONCLUSIVE, SUPPORTED
from hyperstudy.study.core.text import literal
from hyperstudy.study.outputs.names import COMPLETE, DIVERGED, PRUNED


def pruning_claims(analysis: Analysis) -> list[Finding]:
    """What pruning by the median would have cost and saved among the designed trials, which are never pruned."""
    runs = _complete(analysis).set_index("run_id")
    part = analysis.study.curves[analysis.study.curves.run_id.isin(runs.index)].sort_values("epoch")
    curves = {int(runs.trial[run]): rows.objective.to_numpy() for run, rows in part.groupby("run_id")}
    found = audit({number: curve for number, curve in curves.items() if len(curve) > 1})
    if found is None:
        return []
    study, objective = analysis.study, analysis.study.objective
    lost = objective.sized(found.regret) + (" of accuracy" if objective.accuracy else "")
    words = "kept the best" if found.regret == 0 else f"lost the best, and with it {lost}"
    claim = (
        f"Pruning by the median would have stopped {found.pruned} of {found.trials} designed trials, saved "
        f"{found.saved:.0%} of their epochs, and {words}."
    )
    harmless = found.regret <= analysis.noise
    cure = "no pruning" if study.origin else "--pruner none"
    step = "" if harmless else f"Early epochs rank these trials badly: {cure} is safer here."
    verdict = SUPPORTED if harmless else INCONCLUSIVE
    return [Finding(claim, f"{found.saved:.0%}", "", found.trials, verdict, list(runs.index), step)]


def _complete(analysis: Analysis) -> pd.DataFrame:
    """The designed trials that ran to their end."""
    return analysis.study.explored[analysis.study.explored.state == COMPLETE]


def learning_curves(analysis: Analysis) -> Figure | None:
    """Validation accuracy by epoch. The legend says how the curve ended."""
    study = analysis.study
    trials = study.trials[study.trials.objective.notna() | (study.trials.state == DIVERGED)]
    trials = trials.sort_values("objective", ascending=False)
    if trials.empty or study.curves.objective.isna().all():
        return None
    complete = trials[trials.state == COMPLETE]
    middle = complete.iloc[[len(complete) // 2]] if len(complete) > 3 else complete.iloc[:0]
    groups = (
        ("best", complete.head(3), (BLUE, SKY, GREEN), "-"),
        ("median", middle, ("black",), "-."),
        ("pruned", trials[trials.state == PRUNED].head(3), (GREY,) * 3, "--"),
        ("diverged", trials[trials.state == DIVERGED].head(3), (ORANGE,) * 3, ":"),
    )
    figure, axes = canvas(4.6)
    for label, runs, colours, style in groups:
        _curves(axes, analysis, label, runs, colours, style)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("step" if study.origin else "epoch")
    objective_axis(axes, np.concatenate([line.get_ydata() for line in axes.lines]), study.objective)
    legend_below(axes)
    return figure


def _curves(
    axes: Axes, analysis: Analysis, label: str, runs: pd.DataFrame, colours: tuple[str, ...], style: str
) -> None:
    """A line for each run that has a curve, with a dot at its end."""
    runs = runs[runs.run_id.isin(analysis.study.curves.run_id)].head(len(colours))
    curves = [analysis.study.curves[analysis.study.curves.run_id == run].sort_values("epoch") for run in runs.run_id]
    for place, (curve, run_id, name) in enumerate(zip(curves, runs.run_id, runs.name, strict=True)):
        text = _legend(label, name, analysis.endings.get(run_id), place)
        line = Look(color=colours[place], marker="o", markersize=5, markevery=[-1], linewidth=1.6)
        axes.plot(curve.epoch, curve.objective, style, label=text and literal(text), **line)
    ends = [curve.iloc[-1] for curve in curves]
    pointed(axes, analysis.study, runs, [end.epoch for end in ends], [end.objective for end in ends])


def _legend(label: str, name: str, ending: str | None, place: int) -> str | None:
    """Every best and median trial by its name and ending; one line for all that were pruned or diverged."""
    if label in ("best", "median"):
        return f"{label}: {name}, {ending}" if ending else f"{label}: {name}"
    return label if place == 0 else None


def cost(analysis: Analysis) -> Figure | None:
    """Validation accuracy of every trial that ran to its end against what it costs. The lines are Pareto fronts, the
    best for their cost."""
    trials = analysis.study.trials
    complete = trials[(trials.state == COMPLETE) & trials.train_seconds.gt(0)]
    measures = {"train_seconds": "training time (s)", "parameters": "parameters"}
    shown = [name for name in measures if complete[name].notna().all() and complete[name].nunique() > 1]
    if len(complete) < 2 or not shown:
        return None
    figure, panels = canvas(3.4, 1, len(shown), sharey=True, squeeze=False)
    for axes, name in zip(panels[0], shown, strict=True):
        axes.scatter(complete[name], complete.objective, color=GREY, s=24, linewidth=0, clip_on=False)
        pointed(axes, analysis.study, complete, complete[name], complete.objective)
        front = pareto(complete, name)
        axes.step(front[name], front.objective, where="post", color=BLUE, marker="o", markersize=5, clip_on=False)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(_short))
        few = complete[name].max() < 10 * complete[name].min()
        axes.xaxis.set_minor_formatter(FuncFormatter(_short) if few else NullFormatter())
        axes.set_xlabel(measures[name])
    objective_axis(panels[0, 0], complete.objective, analysis.study.objective)
    return figure


def _short(value: float, _: object) -> str:
    """A tick's number where it starts with 1, 2 or 5: 20 thousand as 20k."""
    if f"{value:e}"[0] not in "125":
        return ""
    return f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k" if value >= 1e3 else f"{value:g}"


def budget(analysis: Analysis) -> Figure | None:
    """Expected best validation accuracy against the number of random trials, with the posterior's 95% interval, which
    held the truth in 82 to 98% of studies of real tables. The best of a search may be better."""
    explored, posterior = analysis.study.explored.objective.dropna(), analysis.posterior
    if len(explored) < 8 or posterior is None:
        return None
    failures = analysis.study.explored.objective[analysis.failed].dropna()
    failed = float(failures.median() if len(failures) else explored.min())
    low, middle, high = expected_best(posterior, failed, len(explored) // 2)
    count = np.arange(1, len(middle) + 1)
    figure, axes = canvas(3.2)
    axes.fill_between(count, low, high, color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(count, middle, color=BLUE, marker=".")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("random trials")
    objective_axis(axes, np.concatenate([low, high]), analysis.study.objective, "expected best\n")
    return figure


def early_ranking(analysis: Analysis) -> pd.DataFrame:
    """How well an epoch's validation accuracy ranks the designed trials as their last epoch does: Spearman's
    correlation. A pruner that decides where it is low loses good trials."""
    runs = _complete(analysis).set_index("run_id")
    curves = analysis.study.curves[analysis.study.curves.run_id.isin(runs.index)]
    if len(runs) < 8 or curves.empty:
        return pd.DataFrame()
    wide = curves.pivot(index="run_id", columns="epoch", values="objective")
    final = runs.objective.reindex(wide.index)
    correlations = {epoch: wide[epoch].corr(final, "spearman") for epoch in wide}
    return pd.DataFrame(
        {"epoch": list(wide), "correlation": correlations.values(), "trials": wide.notna().sum().to_numpy()}
    )


SECTION = Section(
    "How it learns, and what it costs",
    nothing="No trial is complete yet.",
    claims={"pruning": pruning_claims},
    figures={"learning_curves": learning_curves, "cost": cost, "budget": budget},
    tables={"early_ranking": early_ranking},
)

"""The figures: each function draws a study's numbers, and its docstring is its caption. One that has nothing to show
returns None."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from reports.claims import INCONCLUSIVE, SUGGESTIVE, SUPPORTED, finalists, influence_verdict, influences_of, of_finalist
from reports.influence import is_numeric
from reports.load import Study
from reports.stats import expected_best, expected_best_band, mean_interval, spread
from study.record import COMPLETE, DIVERGED, EXPLORE, PRUNED

# Okabe & Ito 2008: told apart by colour-blind readers, and in grey by their lightness.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#7F7F7F"
VERDICT_COLOURS = {SUPPORTED: BLUE, SUGGESTIVE: "#56B4E9", INCONCLUSIVE: "#BBBBBB"}
WIDTH = 7.2  # inches: text stays legible at 600 pixels

sns.set_theme(style="ticks", font="DejaVu Sans", rc={"axes.spines.top": False, "axes.spines.right": False})


def lead(study: Study) -> Figure | None:
    """Test accuracy of the finalists on fresh seeds. Thin lines join equal seeds; diamonds are means with their 95%
    intervals. Only these runs have met the test set."""
    roles = [role for role in finalists(study) if len(of_finalist(study, role))]
    if not roles:
        return None
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axes = figure.subplots()
    wide = pd.DataFrame({role: of_finalist(study, role).set_index("seed")["test/accuracy"] for role in roles})
    for _, row in wide.iterrows():
        axes.plot(range(len(roles)), row, color=GREY, alpha=0.5, linewidth=1, marker="o", markersize=4)
    for place, role in enumerate(roles):
        estimate = mean_interval(wide[role].dropna(), bounds=(0, 1))
        below, above = (0, 0) if estimate.low is None else (estimate.mean - estimate.low, estimate.high - estimate.mean)
        bars = [[below], [above]]
        axes.errorbar(place + 0.12, estimate.mean, bars, fmt="D", color=BLUE, capsize=4, markersize=7)
    axes.set_xticks(range(len(roles)), roles)
    axes.set(xlim=(-0.4, len(roles) - 0.6), ylabel="test accuracy")
    return figure


def influence(study: Study) -> Figure | None:
    """How much of the variance in rank each hyperparameter explains beside the others, with 95% intervals, among the
    designed runs that trained. Dark bars are supported after Holm's correction, pale ones are not."""
    rows = influences_of(study)
    if not rows:
        return None
    verdicts = [influence_verdict(row) for row in rows]
    figure = Figure(figsize=(WIDTH, 1.0 + 0.5 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for place, (row, verdict) in enumerate(zip(rows, verdicts, strict=True)):
        axes.barh(place, row.share, color=VERDICT_COLOURS[verdict], height=0.6)
        axes.plot([row.low, row.high], [place, place], color="black", linewidth=1.2)
        axes.text(max(row.share, row.high) + 0.015, place, f"{row.share:.0%}, {verdict}", va="center", fontsize=10)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.25), xlabel=f"partial share of the variance in rank (n = {rows[0].n})")
    axes.xaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    return figure


def effects(study: Study) -> Figure | None:
    """Validation accuracy against each hyperparameter. Filled dots are designed trials, on which conclusions rest;
    open ones were chosen by the sampler and crowd around what looked good. The band is the best designed trial's
    accuracy give or take two standard deviations of the seed, where a confirmation has measured them."""
    trials = study.trials[study.trials.objective.notna()]
    if trials.empty:
        return None
    names = study.searched
    figure = Figure(figsize=(WIDTH, 2.9 * ((len(names) + 1) // 2)), layout="constrained")
    panels = np.atleast_1d(figure.subplots((len(names) + 1) // 2, 2, sharey=True)).ravel()
    noise = seed_noise(study)
    for axes, name in zip(panels, names, strict=False):
        if noise is not None and len(study.explored):
            best = study.explored.objective.max()
            axes.axhspan(best - 2 * noise, min(best + 2 * noise, 1), color=ORANGE, alpha=0.2, linewidth=0)
        _scatter(axes, trials, name, study.space[name])
    for axes in panels[::2]:
        axes.set_ylabel("validation accuracy")
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    return figure


def _scatter(axes: Axes, trials: pd.DataFrame, name: str, row: dict[str, Any]) -> None:
    designed = trials.phase == EXPLORE
    values = trials[name]
    if not is_numeric(row):
        levels = [level for level in row["options"] if level in set(values)]
        jitter = np.random.default_rng(0).uniform(-0.15, 0.15, len(values))
        values = values.map({level: place for place, level in enumerate(levels)}).astype(float) + jitter
        axes.set_xticks(range(len(levels)), levels)
    axes.scatter(values[designed], trials.objective[designed], color=BLUE, s=22, alpha=0.85, linewidth=0)
    axes.scatter(values[~designed], trials.objective[~designed], facecolor="none", edgecolor=GREY, s=22)
    _scale(axes.xaxis, axes.set_xscale, row)
    axes.set_xlabel(f"{name} ({row['unit']})" if row["unit"] else name)


def _scale(axis: Any, set_scale: Callable[[str], None], row: dict[str, Any]) -> None:
    """The scale of the hyperparameter's space, with plain ticks where a logarithmic one spans little."""
    if row["kind"] == "range" and row["log"]:
        set_scale("log")
        if row["high"] / row["low"] < 100:
            ticks = np.geomspace(row["low"], row["high"], 5)
            axis.set_major_locator(FixedLocator([float(f"{tick:.3g}") for tick in ticks]))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_locator(NullLocator())
    elif row["kind"] == "range" and isinstance(row["low"], int):
        axis.set_major_locator(MaxNLocator(integer=True))


def lr_and_batch_size(study: Study) -> Figure | None:
    """Learning rate and batch size together, on log scales; darker is more accurate. Crosses mark runs that diverged,
    the star the best."""
    if not {"lr", "batch_size"} <= set(study.searched):
        return None
    trials = study.trials[study.trials.objective.notna()]
    if trials.empty:
        return None
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    axes = figure.subplots()
    ranks = trials.objective.rank(pct=True)
    diverged = trials.state == DIVERGED
    drawn = axes.scatter(
        trials.lr, trials.batch_size, c=ranks, cmap="viridis_r", s=45, edgecolor="white", linewidth=0.5
    )
    axes.scatter(trials.lr[diverged], trials.batch_size[diverged], marker="x", color=ORANGE, s=60)
    best = trials.loc[trials.objective.idxmax()]
    axes.scatter(best.lr, best.batch_size, marker="*", s=260, facecolor="none", edgecolor="black", linewidth=1.2)
    _scale(axes.xaxis, axes.set_xscale, study.space["lr"])
    _scale(axes.yaxis, axes.set_yscale, study.space["batch_size"])
    axes.set(xlabel="lr", ylabel="batch_size (pictures)")
    figure.colorbar(drawn, ax=axes, label="rank of validation accuracy (1: best)")
    return figure


def learning_curves(study: Study) -> Figure | None:
    """Validation accuracy by epoch: the three best trials, the median one, and up to three that were pruned or
    diverged."""
    trials = study.trials[study.trials.objective.notna()].sort_values("objective", ascending=False)
    complete = trials[trials.state == COMPLETE]
    ended = trials[trials.state.isin((PRUNED, DIVERGED))].head(3)
    if trials.empty or study.curves.empty:
        return None
    figure = Figure(figsize=(WIDTH, 3.8), layout="constrained")
    axes = figure.subplots()
    middle = complete.iloc[[len(complete) // 2]] if len(complete) > 3 else complete.iloc[:0]
    for rows, colour, style, label in (
        (complete.head(3), BLUE, "-", "best"),
        (middle, GREEN, "-.", "median"),
        (ended, ORANGE, ":", "pruned or diverged"),
    ):
        for place, run_id in enumerate(rows.run_id):
            curve = study.curves[study.curves.run_id == run_id]
            axes.plot(
                *(curve.epoch, curve["val/accuracy"], style),
                **{"color": colour, "marker": ".", "label": label if place == 0 else None},
            )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="epoch", ylabel="validation accuracy")
    axes.legend(frameon=False)
    return figure


def cost(study: Study) -> Figure | None:
    """Validation accuracy against training time in seconds; the line is the Pareto front, the best for its time."""
    complete = study.trials[(study.trials.state == COMPLETE) & study.trials.train_seconds.gt(0)]
    if len(complete) < 2:
        return None
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.scatter(complete.train_seconds, complete.objective, color=GREY, s=22, linewidth=0)
    front = pareto(complete)
    axes.step(front.train_seconds, front.objective, where="post", color=BLUE, marker="o", markersize=5)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else ""))
    axes.set(xlabel="training time (s)", ylabel="validation accuracy")
    return figure


def budget(study: Study) -> Figure | None:
    """Expected best validation accuracy against the number of random trials, from the designed trials alone, with a
    95% bootstrap band. It stops at half of the trials, beyond which the estimate knows no better than the best seen."""
    values = study.explored.objective.dropna()
    if len(values) < 8:
        return None
    best, (low, high) = expected_best(values), expected_best_band(values)
    count = np.arange(1, len(best) + 1)
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(count, low, high, color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(count, best, color=BLUE, marker=".")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="random trials", ylabel="expected best\nvalidation accuracy")
    return figure


def pareto(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that no other beats in both time and accuracy, the fastest first."""
    ordered = runs.sort_values(["train_seconds", "objective"], ascending=[True, False])
    return ordered[ordered.objective > ordered.objective.cummax().shift(fill_value=-np.inf)]


def seed_noise(study: Study) -> float | None:
    """Standard deviation of validation accuracy over seeds, pooled over the finalists; None if none was measured."""
    groups = [of_finalist(study, role).objective for role in finalists(study)]
    estimate = spread([group.dropna() for group in groups])
    return estimate.mean if estimate else None


PLOTS: dict[str, Callable[[Study], Figure | None]] = {
    "lead": lead,
    "influence": influence,
    "effects": effects,
    "lr_and_batch_size": lr_and_batch_size,
    "learning_curves": learning_curves,
    "cost": cost,
    "budget": budget,
}

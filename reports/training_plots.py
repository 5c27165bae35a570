"""Figures of the runs themselves: the finalists, learning curves, cost, and what a budget buys."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from reports.curves import tags_of
from reports.experiments import PATH, change, hypotheses_of, of_arm
from reports.frames import Study
from reports.selection import finalists, of_finalist, seed_noise
from reports.stats import expected_best, expected_best_band, mean_interval
from reports.style import BLUE, GREEN, GREY, ORANGE, SKY, accuracy_axis, canvas, noise_band
from study.outputs.names import COMPLETE, DIVERGED, PRUNED


def lead(study: Study) -> Figure | None:
    """Test accuracy of the finalists on fresh seeds. Thin lines join equal seeds; diamonds are means with their 95%
    intervals; the band is the winner's mean give or take two deviations of the seed. Only confirmation runs have met
    the test set."""
    roles = [role for role in finalists(study) if len(of_finalist(study, role))]
    if not roles:
        return None
    figure, axes = canvas(3.6)
    wide = pd.DataFrame({role: of_finalist(study, role).set_index("seed")["test/accuracy"] for role in roles})
    noise = seed_noise(study, "test/accuracy")
    if noise is not None:
        noise_band(axes, wide[roles[0]].mean(), noise.mean)
    _seeds_and_means(axes, wide)
    axes.set_xticks(range(len(roles)), roles)
    axes.set(xlim=(-0.4, len(roles) - 0.6), ylabel="test accuracy")
    return figure


def ablation(study: Study) -> Figure | None:
    """Test accuracy on the path from the default to the winner, one hyperparameter after another, over equal seeds
    (thin lines) with means and 95% intervals. The band is the default's mean give or take two deviations of the
    seed."""
    path = [row for row in hypotheses_of(study) if row.kind == PATH]
    arms = [row.low for row in path] + [row.high for row in path[-1:]]
    wide = pd.DataFrame({number: of_arm(study, arm) for number, arm in enumerate(arms)}).dropna()
    if len(arms) < 3 or len(wide) < 2:
        return None
    figure, axes = canvas(3.8)
    noise = seed_noise(study, "test/accuracy")
    if noise is not None:
        noise_band(axes, wide[0].mean(), noise.mean)
    _seeds_and_means(axes, wide)
    axes.set_xticks(range(len(arms)), ["default", *(f"+ {change(row)}" for row in path)], rotation=15, ha="right")
    axes.set(xlim=(-0.4, len(arms) - 0.6), ylabel="test accuracy")
    return figure


def _seeds_and_means(axes: Axes, wide: pd.DataFrame) -> None:
    """A thin line per seed over the columns, and each column's mean with its interval."""
    for _, row in wide.iterrows():
        axes.plot(range(len(row)), row, color=GREY, alpha=0.5, linewidth=1, marker="o", markersize=4)
    for place, name in enumerate(wide):
        estimate = mean_interval(wide[name].dropna(), bounds=(0, 1))
        below, above = (0, 0) if estimate.low is None else (estimate.mean - estimate.low, estimate.high - estimate.mean)
        axes.errorbar(place + 0.12, estimate.mean, [[below], [above]], fmt="D", color=BLUE, capsize=4, markersize=7)


def learning_curves(study: Study) -> Figure | None:
    """Validation accuracy by epoch: the three best trials, the median one, and up to three each that were pruned or
    diverged. The legend says how the curve ended."""
    trials = study.trials[study.trials.objective.notna()].sort_values("objective", ascending=False)
    complete = trials[trials.state == COMPLETE]
    if trials.empty or study.curves.empty:
        return None
    tags = tags_of(study)
    middle = complete.iloc[[len(complete) // 2]] if len(complete) > 3 else complete.iloc[:0]
    groups = (
        ("best", complete.head(3), (BLUE, SKY, GREEN), "-"),
        ("median", middle, ("black",), "-."),
        ("pruned", trials[trials.state == PRUNED].head(3), (GREY,) * 3, "--"),
        ("diverged", trials[trials.state == DIVERGED].head(3), (ORANGE,) * 3, ":"),
    )
    figure, axes = canvas(3.9)
    shown = []
    for label, rows, colours, style in groups:
        for place, (run_id, name, colour) in enumerate(zip(rows.run_id, rows.name, colours, strict=False)):
            curve = study.curves[study.curves.run_id == run_id]
            ending = f", {tags[run_id]}" if label in ("best", "median") and tags.get(run_id) else ""
            text = (
                f"{label}: {name}{ending}" if ending or label in ("best", "median") else label if place == 0 else None
            )
            axes.plot(curve.epoch, curve["val/accuracy"], style, color=colour, marker=".", label=text)
            shown.append(curve["val/accuracy"])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    accuracy_axis(axes, np.concatenate(shown))
    axes.legend(frameon=False, fontsize=9)
    return figure


def cost(study: Study) -> Figure | None:
    """Validation accuracy against training time in seconds and against the model's number of parameters; the lines are
    Pareto fronts, the best for their cost."""
    complete = study.trials[(study.trials.state == COMPLETE) & study.trials.train_seconds.gt(0)]
    if len(complete) < 2:
        return None
    measures = {"train_seconds": "training time (s)", "parameters": "parameters"}
    shown = [name for name in measures if complete[name].notna().all() and complete[name].nunique() > 1]
    if not shown:
        return None
    figure, panels = canvas(3.4, 1, len(shown), sharey=True, squeeze=False)
    for axes, name in zip(panels[0], shown, strict=True):
        axes.scatter(complete[name], complete.objective, color=GREY, s=22, linewidth=0)
        front = pareto(complete, name)
        axes.step(front[name], front.objective, where="post", color=BLUE, marker="o", markersize=5)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(_short))
        few = complete[name].max() < 10 * complete[name].min()
        axes.xaxis.set_minor_formatter(FuncFormatter(_short) if few else NullFormatter())
        axes.set_xlabel(measures[name])
    accuracy_axis(panels[0, 0], complete.objective)
    return figure


def budget(study: Study) -> Figure | None:
    """Expected best validation accuracy against the number of random trials, from the designed trials alone, with a
    95% bootstrap band. It stops at half of the trials, beyond which the estimate knows no better than the best seen."""
    values = study.explored.objective.dropna()
    if len(values) < 8:
        return None
    best, (low, high) = expected_best(values), expected_best_band(values)
    count = np.arange(1, len(best) + 1)
    figure, axes = canvas(3.4)
    axes.fill_between(count, low, high, color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(count, best, color=BLUE, marker=".")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("random trials")
    accuracy_axis(axes, np.concatenate([low, high]), "expected best\nvalidation accuracy")
    return figure


def _short(value: float, _: object) -> str:
    """A tick's number where it starts with 1, 2 or 5: 20 thousand as 20k."""
    if f"{value:e}"[0] not in "125":
        return ""
    return f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k" if value >= 1e3 else f"{value:g}"


def pareto(runs: pd.DataFrame, measure: str = "train_seconds") -> pd.DataFrame:
    """The runs that no other beats in both cost and accuracy, the cheapest first."""
    ordered = runs.sort_values([measure, "objective"], ascending=[True, False])
    return ordered[ordered.objective > ordered.objective.cummax().shift(fill_value=-np.inf)]

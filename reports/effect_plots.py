"""Figures of what matters: importance, effects, the pair that acts together, learning rate and batch size."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from reports.breaking import breaks_of, logistic_of
from reports.effects import influence_verdict, scaling_of
from reports.finding import INCONCLUSIVE
from reports.frames import Study
from reports.scales import Row, bucket, is_numeric, positions, scaled, unscaled
from reports.selection import (
    influences_of,
    interactions_of,
    seed_noise,
    shares_of,
    surrogate_of,
    trusted_surrogate,
)
from reports.style import (
    BLUE,
    DASHES,
    GREY,
    LEVELS,
    ORANGE,
    VERDICT_COLOURS,
    accuracy_axis,
    canvas,
    hyperparameter_axis,
    noise_band,
    with_unit,
)
from reports.surrogate import DUMMY
from study.outputs.names import DIVERGED, EXPLORE

GRID = 41
KNOWN = 0.22  # of the square of two ranges: farther from every designed trial nothing is drawn


def importance(study: Study) -> Figure | None:
    """Each hyperparameter's part in the variance in rank of accuracy among the designed runs that trained: with all its
    interactions (bar, Sobol's total index) and alone (white tick, first-order), by a Gaussian process, with 95%
    intervals. Dark bars are supported by the permutation test, pale ones are not. The inert dummy went the same way;
    left of the dashed line an inert hyperparameter may lie, too."""
    shares, surrogate = shares_of(study), surrogate_of(study)
    if not shares or surrogate is None:
        return None
    verdicts = {row.name: influence_verdict(row) for row in influences_of(study)}
    order = sorted(shares, key=lambda name: (name == DUMMY, -shares[name].total))
    figure, axes = canvas(1.2 + 0.48 * len(order))
    for place, name in enumerate(order):
        share, verdict = shares[name], verdicts.get(name, INCONCLUSIVE)
        axes.barh(place, share.total, color=VERDICT_COLOURS[verdict], height=0.6)
        axes.plot([max(share.first, 0)] * 2, [place - 0.27, place + 0.27], color="white", linewidth=2)
        axes.plot([share.total_low, share.total_high], [place, place], color="black", linewidth=1.2)
        text = f"{share.total:.0%}" if name == DUMMY else f"{share.total:.0%}, {verdict}"
        axes.text(max(share.total, share.total_high) + 0.015, place, text, va="center", fontsize=10)
    axes.axvline(surrogate.floor, color=GREY, linestyle="--", linewidth=1)
    axes.set_yticks(range(len(order)), order)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.3), xlabel=f"share of the variance in rank (n = {surrogate.n}, $R^2$ = {surrogate.r2:.2f})")
    axes.xaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    return figure


def effects(study: Study) -> Figure | None:
    """Validation accuracy against each hyperparameter. Filled dots are designed trials, on which conclusions rest;
    open ones were chosen by the sampler and crowd around what looked good. Line and grey band: the average over all
    other hyperparameters and its 95% interval, by the surrogate of the designed trials that trained. Orange: the best
    designed trial give or take two deviations of the seed."""
    trials = study.trials[study.trials.objective.notna()]
    if trials.empty:
        return None
    names, noise = study.searched, seed_noise(study)
    rows = (len(names) + 1) // 2
    figure, panels = canvas(2.9 * rows, rows, 2, sharey=True, squeeze=False)
    for axes, name in zip(panels.ravel(), names, strict=False):
        if noise is not None and len(study.explored):
            noise_band(axes, study.explored.objective.max(), noise.mean)
        _average(axes, study, name)
        _scatter(axes, trials, name, study.space[name])
    accuracy_axis(panels[0, 0], trials.objective)
    for axes in panels[1:, 0]:
        axes.set_ylabel("validation accuracy")
    for axes in panels.ravel()[len(names) :]:
        axes.set_visible(False)
    return figure


def _average(axes: Axes, study: Study, name: str) -> None:
    surrogate, row = trusted_surrogate(study), study.space[name]
    if surrogate is None:
        return
    grid = np.linspace(0, 1, GRID) if is_numeric(row) else np.arange(len(row["options"]), dtype=float)
    values = surrogate.accuracy(surrogate.along((name,), grid[:, None]))
    low, high = np.quantile(values[:, 1:], [0.025, 0.975], axis=1)
    if is_numeric(row):
        axes.fill_between(unscaled(grid, row), low, high, color=GREY, alpha=0.3, linewidth=0)
        axes.plot(unscaled(grid, row), values[:, 0], color="black", linewidth=1.2)
    else:
        axes.errorbar(
            grid + 0.28, values[:, 0], np.maximum([values[:, 0] - low, high - values[:, 0]], 0), fmt="_k", capsize=3
        )


def _scatter(axes: Axes, trials: pd.DataFrame, name: str, row: Row) -> None:
    designed, values = trials.phase == EXPLORE, trials[name]
    if not is_numeric(row):
        jitter = np.random.default_rng(0).uniform(-0.15, 0.15, len(values))
        values = pd.Series(positions(values, row) + jitter, index=values.index)
        axes.set_xticks(range(len(row["options"])), row["options"], rotation=30 if len(row["options"]) > 4 else 0)
    axes.scatter(values[designed], trials.objective[designed], color=BLUE, s=22, alpha=0.85, linewidth=0)
    axes.scatter(values[~designed], trials.objective[~designed], facecolor="none", edgecolor=GREY, s=22)
    hyperparameter_axis(axes.xaxis, axes.set_xscale, row)
    axes.set_xlabel(with_unit(name, row))


def pair(study: Study) -> Figure | None:
    """The pair that most clearly acts together: accuracy by the surrogate, averaged over all others. A line per level,
    or per third of the range, of the second, with 95% bands; where lines are parallel the two would not interact."""
    found, surrogate = [row for row in interactions_of(study) if row.found], surrogate_of(study)
    if not found or surrogate is None:
        return None
    one, two = sorted(found[0].pair, key=lambda name: not is_numeric(study.space[name]))
    row_one, row_two = study.space[one], study.space[two]
    grid = np.linspace(0, 1, GRID) if is_numeric(row_one) else np.arange(len(row_one["options"]), dtype=float)
    figure, axes = canvas(4.0)
    shown = []
    for number, (label, level) in enumerate(_levels(study, two, row_two)):
        points = np.column_stack([grid, np.full(len(grid), level)])
        values = surrogate.accuracy(surrogate.along((one, two), points))
        place = unscaled(grid, row_one) if is_numeric(row_one) else grid
        low, high = np.quantile(values[:, 1:], [0.025, 0.975], axis=1)
        axes.fill_between(place, low, high, color=LEVELS[number % 7], alpha=0.15, linewidth=0)
        axes.plot(place, values[:, 0], DASHES[number % 7], color=LEVELS[number % 7], label=f"{two} {label}")
        shown.append(values[:, 0])
    if not is_numeric(row_one):
        axes.set_xticks(grid, row_one["options"])
    hyperparameter_axis(axes.xaxis, axes.set_xscale, row_one)
    accuracy_axis(axes, np.concatenate(shown))
    axes.set_xlabel(with_unit(one, row_one))
    axes.legend(frameon=False, fontsize=9)
    return figure


def _levels(study: Study, name: str, row: Row) -> list[tuple[str, float]]:
    """Label and position of every level, or of the lowest, middle and highest third of a range."""
    if not is_numeric(row):
        return [(level, float(number)) for number, level in enumerate(row["options"])]
    parts = study.explored.groupby(bucket(study.explored[name], row), observed=True)[name]
    return [(str(label), float(scaled(values, row).mean())) for label, values in parts]


def lr_and_batch_size(study: Study) -> Figure | None:
    """Learning rate and batch size, on log scales; darker is more accurate. The surface is the surrogate's average over
    all others, drawn where designed trials are near. Where the trials tell: a white line for the best lr at each batch
    size, dotted its 95% band; an orange one where a trial fails as often as not. A star marks the best run, and crosses
    those that diverged, if any did."""
    if not {"lr", "batch_size"} <= set(study.searched):
        return None
    trials = study.trials[study.trials.objective.notna()]
    if trials.empty:
        return None
    figure, axes = canvas(4.4)
    worst = trials.objective.quantile(0.25)
    limits = {"vmin": worst, "vmax": trials.objective.max(), "cmap": "viridis_r"}
    _surface(axes, study, limits)
    drawn = axes.scatter(
        *(trials.lr, trials.batch_size),
        **{"c": trials.objective, "s": 42, "edgecolor": "white", "linewidth": 0.6},
        **limits,
    )
    diverged = trials.state == DIVERGED
    axes.scatter(trials.lr[diverged], trials.batch_size[diverged], marker="x", color=ORANGE, s=60)
    best = trials.loc[trials.objective.idxmax()]
    axes.scatter(best.lr, best.batch_size, marker="*", s=260, facecolor="none", edgecolor="black", linewidth=1.2)
    for name, axis, scale in (("lr", axes.xaxis, axes.set_xscale), ("batch_size", axes.yaxis, axes.set_yscale)):
        hyperparameter_axis(axis, scale, study.space[name])
    axes.set(xlabel="lr", ylabel="batch_size (pictures)")
    figure.colorbar(drawn, ax=axes, label="validation accuracy", extend="min")
    return figure


def _surface(axes: Axes, study: Study, limits: dict) -> None:
    surrogate, rows = trusted_surrogate(study), [study.space[name] for name in ("lr", "batch_size")]
    if surrogate is None:
        return
    if all(row["kind"] == "range" for row in rows):
        side = np.linspace(0, 1, 25)
        grid = np.array([(x, y) for y in side for x in side])
        values = surrogate.accuracy(surrogate.mean_along(("lr", "batch_size"), grid))
        seen = np.column_stack([scaled(study.explored[name], study.space[name]) for name in ("lr", "batch_size")])
        distance = np.linalg.norm(grid[:, None] - seen[None], axis=2).min(1)
        values = np.where(distance < KNOWN, values, np.nan).reshape(25, 25)
        levels = np.linspace(limits["vmin"], limits["vmax"], 9)
        axes.contourf(
            unscaled(side, rows[0]), unscaled(side, rows[1]), values, levels, alpha=0.45, extend="min", **limits
        )
    scaling = scaling_of(study)
    if scaling is not None:
        for curve, style in zip(scaling.best, ("-", ":", ":"), strict=True):
            axes.plot(curve, scaling.batch_sizes, style, color="white", linewidth=1.8)
    _limit(axes, study)


def _limit(axes: Axes, study: Study) -> None:
    found = [row for row in breaks_of(study) if row.found and row.name == "lr"]
    limit = logistic_of(study, found[0]).limit if found else None
    if limit is not None:
        axes.axvline(limit.value, color=ORANGE, linewidth=1.6)
        axes.axvspan(limit.low, limit.high, color=ORANGE, alpha=0.15, linewidth=0)

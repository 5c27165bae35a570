"""How accuracy depends on each hyperparameter."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.frames import Study
from hyperstudy.reports.page.objective import objective_axis
from hyperstudy.reports.page.points import pointed, remark
from hyperstudy.reports.page.section import Section
from hyperstudy.reports.page.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    YELLOW,
    Look,
    canvas,
    hyperparameter_axis,
    with_unit,
)
from hyperstudy.reports.statistics.scales import bucket
from hyperstudy.study.core.text import literal
from hyperstudy.study.outputs.names import COMPLETE, DEFAULT, EXPLORE, RUNNER_UP, WINNER

# Marker, size and colour; the winner on top.
MARKERS = {DEFAULT: ("s", 48, ORANGE), RUNNER_UP: ("D", 40, YELLOW), WINNER: ("*", 150, GREEN)}


def effects(analysis: Analysis) -> Figure | None:
    """Validation accuracy against each hyperparameter. Filled dots are designed trials; open ones were chosen by the
    sampler and crowd around what looked good."""
    study = analysis.study
    trials = study.trials[study.trials.objective.notna()]
    if trials.empty:
        return None
    rows = (len(study.searched) + 1) // 2
    figure, panels = canvas(2.5 * rows + 0.4, rows, 2, sharey=True, squeeze=False)
    for axes, name in zip(panels.ravel(), study.searched, strict=False):
        _average(axes, analysis, name)
        _scatter(axes, study, trials, name)
        _finalists(axes, study, name)
    objective_axis(panels[0, 0], trials.objective, study.objective)
    for axes in panels[1:, 0]:
        axes.set_ylabel(panels[0, 0].get_ylabel())
    for axes in panels.ravel()[len(study.searched) :]:
        axes.set_visible(False)
    _explain(panels[0, 0], analysis)
    return figure


def _explain(axes: Axes, analysis: Analysis) -> None:
    """Say what was drawn, and name the finalists' marks."""
    if analysis.curves:
        remark(
            axes, "Line and band: the average over all configurations of the others that train, with its 95% interval."
        )
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
        remark(axes, "The finalists stand at their mean over fresh seeds.")


def _average(axes: Axes, analysis: Analysis, name: str) -> None:
    curve, domain = analysis.curves.get(name), analysis.study.domains[name]
    if curve is None:
        return
    low, high = np.quantile(curve.draws, [0.025, 0.975], axis=1)
    if domain.numeric:
        axes.fill_between(domain.values(curve.positions), low, high, color=GREY, alpha=0.25, linewidth=0)
        axes.plot(domain.values(curve.positions), curve.mean, color="black", linewidth=1.2)
    else:
        spread = np.maximum([curve.mean - low, high - curve.mean], 0)
        axes.errorbar(curve.positions + 0.28, curve.mean, spread, fmt="_k", capsize=3)


def _scatter(axes: Axes, study: Study, trials: pd.DataFrame, name: str) -> None:
    designed, domain, values = trials.phase == EXPLORE, study.domains[name], trials[name].to_numpy()
    if not domain.numeric:
        values = domain.positions(values) + np.random.default_rng(0).uniform(-0.15, 0.15, len(values))
        levels = list(map(literal, domain.ends))
        axes.set_xticks(range(len(levels)), levels, rotation=30 if len("".join(levels)) > 16 else 0)
    kept = Look(s=20, clip_on=False, zorder=3)
    axes.scatter(values[designed], trials.objective[designed], color=BLUE, alpha=0.85, linewidth=0, **kept)
    axes.scatter(values[~designed], trials.objective[~designed], facecolor="none", edgecolor=GREY, **kept)
    pointed(axes, study, trials, values, trials.objective)
    hyperparameter_axis(axes.xaxis, axes.set_xscale, domain)
    axes.set_xlabel(with_unit(name, study.space[name]))


def _finalists(axes: Axes, study: Study, name: str) -> None:
    """A mark for every finalist at its mean validation accuracy over fresh seeds. A default whose name was not searched
    has no place on the axis."""
    for role, (marker, size, colour) in MARKERS.items():
        runs = study.of_finalist(role)
        if runs.objective.isna().all():
            continue
        value = study.finalists[role][name]
        if not isinstance(value, str) or value in study.domains[name]:
            x = study.domains[name].positions([value])[0] if isinstance(value, str) else value
            look = Look(s=size, edgecolor="white", linewidth=0.8, clip_on=False, zorder=4)
            axes.scatter([x], [runs.objective.mean()], marker=marker, color=colour, label=role, **look)


def best_by_level(analysis: Analysis) -> pd.DataFrame:
    """The best designed trial of each part of each range; every part counts equally many trials, the earliest."""
    study, rows = analysis.study, []
    runs = study.explored[study.explored.state == COMPLETE].sort_values("trial")
    for name, domain in study.domains.items() if len(runs) else ():
        groups = runs.groupby(bucket(runs[name], domain), observed=True)
        equal = int(groups.size().min())
        for level, group in groups:
            best = group.head(equal).sort_values("objective", ascending=False).iloc[0]
            rows.append(
                {"hyperparameter": name, "level": level, "trials": equal, "best": study.objective.own(best.objective)}
            )
            rows[-1] |= {"run": best["name"], "link": best.link}
    return pd.DataFrame(rows)


SECTION = Section(
    "How accuracy depends on each hyperparameter",
    nothing="No trial is finished yet.",
    figures={"effects": effects},
    tables={"best_by_level": best_by_level},
)

"""How accuracy depends on each hyperparameter."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.analysis import Analysis
from reports.page.objective import objective_axis
from reports.page.section import Section
from reports.page.style import BLUE, GREY, canvas, hyperparameter_axis, noise_band, with_unit
from reports.statistics.scales import bucket, grid
from study.core.domains import Dimension
from study.outputs.names import COMPLETE, EXPLORE


def effects(analysis: Analysis) -> Figure | None:
    """Validation accuracy against each hyperparameter. Filled dots are designed trials, on which conclusions rest;
    open ones were chosen by the sampler and crowd around what looked good. Line and grey band: the average over all
    other hyperparameters and its 95% interval, by the surrogate of the designed trials that trained. Orange: the best
    designed trial plus or minus two standard deviations over seeds."""
    study = analysis.study
    trials = study.trials[study.trials.objective.notna()]
    if trials.empty:
        return None
    rows = (len(study.searched) + 1) // 2
    figure, panels = canvas(2.9 * rows, rows, 2, sharey=True, squeeze=False)
    for axes, name in zip(panels.ravel(), study.searched, strict=False):
        if len(study.explored):
            noise_band(axes, study.explored.objective.max(), analysis.validation_noise)
        _average(axes, analysis, name)
        _scatter(axes, trials, name, study.space[name])
    objective_axis(panels[0, 0], trials.objective, study.objective)
    for axes in panels[1:, 0]:
        axes.set_ylabel(panels[0, 0].get_ylabel())
    for axes in panels.ravel()[len(study.searched) :]:
        axes.set_visible(False)
    return figure


def _average(axes: Axes, analysis: Analysis, name: str) -> None:
    surrogate, domain = analysis.trusted_surrogate, analysis.study.domains[name]
    if surrogate is None:
        return
    places = grid(domain)
    values = surrogate.accuracy(surrogate.along((name,), places[:, None]))
    mean, (low, high) = values[:, 0], np.quantile(values[:, 1:], [0.025, 0.975], axis=1)
    if domain.numeric:
        axes.fill_between(domain.values(places), low, high, color=GREY, alpha=0.3, linewidth=0)
        axes.plot(domain.values(places), mean, color="black", linewidth=1.2)
    else:
        axes.errorbar(places + 0.28, mean, np.maximum([mean - low, high - mean], 0), fmt="_k", capsize=3)


def _scatter(axes: Axes, trials: pd.DataFrame, name: str, dimension: Dimension) -> None:
    designed, values, domain = trials.phase == EXPLORE, trials[name], dimension.domain
    if not domain.numeric:
        jitter = np.random.default_rng(0).uniform(-0.15, 0.15, len(values))
        values = pd.Series(domain.positions(values) + jitter, index=values.index)
        levels = domain.ends
        axes.set_xticks(range(len(levels)), levels, rotation=30 if len(levels) > 4 else 0)
    axes.scatter(values[designed], trials.objective[designed], color=BLUE, s=22, alpha=0.85, linewidth=0)
    axes.scatter(values[~designed], trials.objective[~designed], facecolor="none", edgecolor=GREY, s=22)
    hyperparameter_axis(axes.xaxis, axes.set_xscale, domain)
    axes.set_xlabel(with_unit(name, dimension))


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

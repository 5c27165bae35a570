"""Published recipes and our reproductions: every figure that a tutorial prints, and where one more run would lie."""

import json
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import stats

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.frames import Study
from hyperstudy.reports.page.points import pointed, remark
from hyperstudy.reports.page.section import Finding, Section
from hyperstudy.reports.page.style import BLUE, GREY, ORANGE, canvas, legend_below
from hyperstudy.reports.statistics.verdicts import INCONCLUSIVE, SUPPORTED
from hyperstudy.study.comparisons.seeds import Estimate, mean_interval
from hyperstudy.study.core.text import literal
from hyperstudy.study.outputs.names import DIVERGED

CLOSE = 0.01
METRICS = {"train/loss": "train/loss", "train/accuracy": "train/accuracy", "test/accuracy": "val/accuracy"}
REPRODUCED, NEAR, HIGHER, LOWER, OURS = "reproduced", "within 0.01", "higher", "lower", "nothing published"


class Comparison(NamedTuple):
    """A figure after an epoch: the published one, our mean over seeds with its interval, and the 95% interval of one
    more run of ours."""

    recipe: str
    metric: str
    epoch: int
    last: bool  # whether the epoch is the recipe's last
    published: float | None
    estimate: Estimate
    run_low: float | None
    run_high: float | None
    verdict: str
    runs: list[str]


def recipes_of(study: Study) -> dict[str, dict[str, Any]]:
    """The published figures of each recipe that was run, in the order of the registry; empty for any other study."""
    known = json.loads(study.tags.get("study.recipes", "{}"))
    return {name: row for name, row in known.items() if name in set(study.recipes.role)}


def runs_of(study: Study, recipe: str) -> pd.DataFrame:
    """A recipe's finished runs, on the data set of the latest where there are several."""
    runs = study.recipes[study.recipes.role == recipe]
    return runs[runs.dataset == runs.dataset.iloc[-1]]


def curves_of(study: Study, recipe: str) -> pd.DataFrame:
    """The epochs of a recipe's finished runs."""
    return _curves(study, study.curves.run_id.isin(runs_of(study, recipe).run_id))


def _curves(study: Study, rows: pd.Series) -> pd.DataFrame:
    """Some rows of the curves, with all metrics of recipes."""
    return study.curves[rows].reindex(columns=["run_id", "epoch", *METRICS.values()])


def comparisons(study: Study) -> list[Comparison]:
    """Every published figure of every recipe that was run, and the last accuracies of recipes without one; over runs
    that did not diverge."""
    found = []
    for recipe, row in recipes_of(study).items():
        runs, figures = runs_of(study, recipe), row["published"] or {"test/accuracy": [None]}
        trained = study.curves.run_id.isin(runs[runs.state != DIVERGED].run_id)
        curves, epochs = _curves(study, trained), int(runs.epochs.astype(int).max())
        for metric, values in figures.items():
            for epoch, value in zip(range(epochs - len(values) + 1, epochs + 1), values, strict=True):
                ours = curves[curves.epoch == epoch].dropna(subset=METRICS[metric])
                if len(ours):
                    found.append(_compared(recipe, metric, epoch, epochs, value, ours))
    return found


def _compared(
    recipe: str, metric: str, epoch: int, epochs: int, published: float | None, ours: pd.DataFrame
) -> Comparison:
    values = ours[METRICS[metric]].to_numpy(float)
    estimate, low, high = mean_interval(values), None, None
    if len(values) > 1:
        half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) * np.sqrt(1 + 1 / len(values))
        low, high = estimate.mean - half, estimate.mean + half
    verdict = verdict_on(published, estimate.mean, low, high)
    last, runs = epoch == epochs, list(ours.run_id)
    return Comparison(recipe, metric, epoch, last, published, estimate, low, high, verdict, runs)


def verdict_on(published: float | None, mean: float, low: float | None, high: float | None) -> str:
    if published is None:
        return OURS
    if low is not None and high is not None and low <= published <= high:
        return REPRODUCED
    if abs(published - mean) <= CLOSE:
        return NEAR
    return HIGHER if mean > published else LOWER


def recipe_claims(analysis: Analysis) -> list[Finding]:
    """The last test accuracy of each recipe compared with the published one, and the reason where it is known."""
    study = analysis.study
    known = recipes_of(study)
    last = [row for row in comparisons(study) if row.last and row.metric == "test/accuracy"]
    claims = [_claim(study, row, known[row.recipe]) for row in last]
    lost = [name for name in known if (runs_of(study, name).state == DIVERGED).all()]
    return claims + [_lost(runs_of(study, name), _title(study, name, known[name])) for name in lost]


def _title(study: Study, recipe: str, known: dict[str, Any]) -> str:
    return f"{recipe} on {runs_of(study, recipe).dataset.iloc[-1]} ({known['about']})"


def _lost(runs: pd.DataFrame, name: str) -> Finding:
    claim = f"{name} diverged in all of {len(runs)} runs."
    return Finding(claim, "", "", len(runs), SUPPORTED if len(runs) > 2 else INCONCLUSIVE, list(runs.run_id))


def _claim(study: Study, row: Comparison, known: dict[str, Any]) -> Finding:
    mean, name, seeds = row.estimate.mean, _title(study, row.recipe, known), row.estimate.n
    reached = f"{name} reaches {mean:.4f} on the test pictures"
    outside = "" if row.run_low is None else ", which lies outside the 95% interval of one more run of ours"
    claim = {
        OURS: f"{reached}; its tutorial gives no figure.",
        REPRODUCED: f"{name} is reproduced: {mean:.4f} on the test pictures. The published {row.published} lies in the "
        "95% interval of one more run of ours.",
        NEAR: f"{reached}, within {CLOSE} of the published {row.published}{outside}.",
        HIGHER: f"{reached}, more than the published {row.published}.",
        LOWER: f"{reached}, less than the published {row.published}.",
    }[row.verdict]
    interval = "" if row.estimate.low is None else f"[{row.estimate.low:.4f}, {row.estimate.high:.4f}]"
    verdict = SUPPORTED if seeds > 2 else INCONCLUSIVE
    step = "" if seeds > 2 else "python -m study.recipes --seeds 5 would show how much seeds vary."
    runs = runs_of(study, row.recipe)
    if diverged := int((runs.state == DIVERGED).sum()):
        claim += f" {diverged} of {len(runs)} runs diverged and are not in that mean."
    return Finding(f"{claim} {known['note']}".strip(), f"{mean:.4f}", interval, seeds, verdict, row.runs, step)


def recipes(analysis: Analysis) -> Figure | None:
    """Accuracy by epoch of every recipe: on the test pictures (blue) and on the training batches (grey), a thin line
    for each seed and the mean."""
    study, known = analysis.study, recipes_of(analysis.study)
    if not known:
        return None
    rows = (len(known) + 1) // 2
    figure, panels = canvas(2.3 * rows + 0.3, rows, 2, squeeze=False)
    for axes, (name, row) in zip(panels.ravel(), known.items(), strict=False):
        _recipe(axes, study, name, row["published"].get("test/accuracy", []))
    for axes in panels.ravel()[len(known) :]:
        axes.set_visible(False)
    for axes in panels[:, 0]:
        axes.set_ylabel("accuracy")
    shown = [axes for axes in panels.ravel() if "published" in axes.get_legend_handles_labels()[1]]
    if shown:
        remark(shown[0], "Orange diamonds are the published test accuracies.")
    legend_below((shown or [panels[0, 0]])[0])
    return figure


def _recipe(axes: Axes, study: Study, name: str, published: list[float]) -> None:
    curves = curves_of(study, name)
    _accuracies(axes, curves)
    last = int(curves.epoch.max())
    if published:
        epochs = range(last - len(published) + 1, last + 1)
        axes.plot(epochs, published, "D", color=ORANGE, markersize=6, label="published", zorder=5)
    ends = curves.sort_values("epoch").groupby("run_id").last()
    runs = study.recipes.set_index("run_id", drop=False).loc[ends.index].assign(shown=ends["val/accuracy"])
    pointed(axes, study, runs, ends.epoch, runs.shown, "shown")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(literal(name))
    axes.set_xlabel("epoch")


def _accuracies(axes: Axes, curves: pd.DataFrame) -> None:
    for metric, colour, label in (("train/accuracy", GREY, "training"), ("val/accuracy", BLUE, "test")):
        for _, curve in curves.groupby("run_id"):
            axes.plot(curve.epoch, curve[metric], color=colour, linewidth=0.8, alpha=0.5)
        mean = curves.groupby("epoch")[metric].mean()
        axes.plot(mean.index, mean, color=colour, linewidth=2, label=label)


def recipe_table(analysis: Analysis) -> pd.DataFrame:
    """Every published figure beside ours after the same epoch: our mean over seeds with its 95% interval, the 95%
    interval of one more run of ours, and the verdict. `reproduced`: the published figure lies in that interval;
    `within 0.01`: only near our mean; otherwise ours is higher or lower. Recipes are tested on the whole test set after
    every epoch, and nothing was chosen by it."""
    rows = []
    for row in comparisons(analysis.study):
        one = "" if row.run_low is None else f"[{row.run_low:.4f}, {row.run_high:.4f}]"
        figures = {"published": row.published, "reproduced [95%]": str(row.estimate), "one more run [95%]": one}
        where = {"recipe": row.recipe, "metric": row.metric, "epoch": row.epoch}
        rows.append({**where, **figures, "seeds": row.estimate.n, "verdict": row.verdict})
    return pd.DataFrame(rows)


SECTION = Section(
    "Published and reproduced",
    nothing="No recipe is finished yet.",
    claims={"recipe": recipe_claims},
    figures={"recipes": recipes},
    tables={"recipes": recipe_table},
)

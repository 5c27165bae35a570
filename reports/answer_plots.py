"""Figures of what networks said: the winner's confusions and mistakes, and published recipes beside ours."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.frames import Study
from reports.reproduced import curves_of, recipes_of
from reports.style import BLUE, GREY, ORANGE, canvas, plain

ANNOTATED = 12  # classes up to which every count is written
ACROSS = 4  # pictures in a row


def confusion(study: Study) -> Figure | None:
    """What the winner took the test pictures of each class for, of one confirmation run: shares of the true class, and
    counts where there are any. The diagonal is right."""
    if study.answers is None:
        return None
    counts = study.answers.counts
    shares = counts.to_numpy() / np.maximum(counts.to_numpy().sum(1, keepdims=True), 1)
    figure, axes = canvas(6.0)
    figure.set_layout_engine("compressed")  # the axes' sides are equal
    drawn = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(counts) <= ANNOTATED:
        for row, column in np.argwhere(counts.to_numpy() > 0):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, counts.iat[row, column], ha="center", va="center", color=colour, fontsize=9)
    names = [plain(name) for name in counts.columns]
    axes.set_xticks(range(len(counts)), names, rotation=45 if max(map(len, names)) > 2 else 0)
    axes.set_yticks(range(len(counts)), names)
    axes.set(xlabel="predicted", ylabel="true")
    figure.colorbar(drawn, ax=axes, label="share of the true class", shrink=0.8)
    return figure


def mistakes(study: Study) -> Figure | None:
    """The test pictures that the winner got wrong with the most confidence, the surest first: what it is, what it was
    taken for, and with which probability."""
    if study.answers is None or not len(study.answers.mistakes.get("true", ())):
        return None
    classes, found = list(map(plain, study.answers.counts.columns)), study.answers.mistakes
    rows = -(-len(found["true"]) // ACROSS)
    figure, panels = canvas(2.25 * rows, rows, ACROSS, squeeze=False)
    for axes in panels.ravel():
        axes.set_axis_off()
    answers = zip(found["pictures"], found["true"], found["predicted"], found["probability"], strict=True)
    for axes, (picture, true, predicted, probability) in zip(panels.ravel(), answers, strict=False):
        _picture(axes, picture)
        axes.set_title(f"{classes[true]}\nas {classes[predicted]}, {probability:.0%}", fontsize=11)
    return figure


def _picture(axes: Axes, picture: np.ndarray) -> None:
    """A picture `(C, H, W)`, in grey if it has one channel."""
    shown = picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)
    axes.imshow(shown, cmap="gray", vmin=0, vmax=255)


def recipes(study: Study) -> Figure | None:
    """Accuracy by epoch of every recipe: on the test pictures (blue) and on the batches trained on (grey), a thin line
    per seed and the mean; orange diamonds are the published test accuracies."""
    known = recipes_of(study)
    if not known:
        return None
    rows = (len(known) + 1) // 2
    figure, panels = canvas(2.7 * rows, rows, 2, squeeze=False)
    for axes, (name, row) in zip(panels.ravel(), known.items(), strict=False):
        curves = curves_of(study, name)
        for metric, colour, label in (("train/accuracy", GREY, "training"), ("val/accuracy", BLUE, "test")):
            for _, curve in curves.groupby("run_id"):
                axes.plot(curve.epoch, curve[metric], color=colour, linewidth=0.8, alpha=0.5)
            mean = curves.groupby("epoch")[metric].mean()
            axes.plot(mean.index, mean, color=colour, linewidth=2, label=label)
        _published(axes, row["published"].get("test/accuracy", []), int(curves.epoch.max()))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title(name, fontsize=10)
        axes.set(xlabel="epoch", ylabel="accuracy")
    for axes in panels.ravel()[len(known) :]:
        axes.set_visible(False)
    panels[0, 0].legend(frameon=False, fontsize=9)
    return figure


def _published(axes: Axes, values: list[float], epochs: int) -> None:
    epoch = range(epochs - len(values) + 1, epochs + 1)
    axes.plot(epoch, values, "D", color=ORANGE, markersize=6, label="published", zorder=5)

"""What the winner gets wrong on the test pictures."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.page.section import Section
from hyperstudy.reports.page.style import canvas
from hyperstudy.reports.statistics.intervals import rate
from hyperstudy.study.core.text import literal
from hyperstudy.study.outputs.pictures import draw_confusion

ACROSS = 4  # pictures in a row


def confusion(analysis: Analysis) -> Figure | None:
    """The test pictures of each true class by what the winner predicted in one confirmation run: shares of the true
    class, and counts. The diagonal is right."""
    answers = analysis.study.answers
    if answers is None:
        return None
    figure, axes = canvas(4.5)
    figure.set_layout_engine("compressed")  # the matrix is square
    image = draw_confusion(axes, answers.counts, answers.classes)
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    return figure


def mistakes(analysis: Analysis) -> Figure | None:
    """The test pictures that the winner got wrong with the highest confidence, highest first: the true class, the
    predicted class and its probability."""
    answers = analysis.study.answers
    if answers is None or not len(answers.mistakes.get("true", ())):
        return None
    classes, found = list(map(literal, answers.classes)), answers.mistakes
    rows = -(-len(found["true"]) // ACROSS)
    figure, panels = canvas(1.95 * rows, rows, ACROSS, squeeze=False)
    figure.photographs = True
    for axes in panels.ravel():
        axes.set_axis_off()
    each = zip(found["pictures"], found["true"], found["predicted"], found["probability"], strict=True)
    for axes, (picture, true, predicted, probability) in zip(panels.ravel(), each, strict=False):
        _picture(axes, picture)
        axes.set_title(f"{classes[true]}\nas {classes[predicted]}\n{probability:.0%}", fontsize=10)
    return figure


def _picture(axes: Axes, picture: np.ndarray) -> None:
    """A picture `(C, H, W)`, in grey if it has one channel."""
    shown = picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)
    axes.imshow(shown, cmap="gray", vmin=0, vmax=255)


def class_table(analysis: Analysis) -> pd.DataFrame:
    """The winner's accuracy for each class of the test pictures in one confirmation run, and the class that it most
    often predicted instead."""
    answers, rows = analysis.study.answers, []
    if answers is None:
        return pd.DataFrame()
    for place, name in enumerate(answers.classes):
        counts = answers.counts[place]
        right, total = int(counts[place]), int(counts.sum())
        wrong = np.where(np.arange(len(counts)) == place, -1, counts)
        worst = int(wrong.argmax())
        rows.append({"class": name, "pictures": total, "accuracy [95%]": str(rate(right, total)) if total else ""})
        rows[-1] |= {
            "mistaken most often for": f"{answers.classes[worst]} ({wrong[worst]})" if wrong[worst] > 0 else ""
        }
    return pd.DataFrame(rows)


SECTION = Section(
    "What the winner gets wrong",
    nothing="No winner was tested on the test pictures yet.",
    figures={"confusion": confusion, "mistakes": mistakes},
    tables={"classes": class_table},
)

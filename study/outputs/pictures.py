"""Figures of a confirmation run: learning curves and confusion matrix. And a grid of predictions."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.text import literal

TRAIN, VALIDATION = "#0072B2", "#D55E00"  # Okabe & Ito 2008: told apart by colour-blind readers and in print
GRID_COLUMNS = 8
LEGIBLE = 20  # classes up to which counts and names are drawn


def learning_curves(history: Sequence[Epoch]) -> bytes:
    """Loss and accuracy per epoch, training beside validation, as PNG."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    epochs = [row.number for row in history]
    for axes, quantity, unit in zip(figure.subplots(1, 2), ("loss", "accuracy"), (" (nats)", ""), strict=True):
        for part, name, colour, style in (("train", "training", TRAIN, "--"), ("val", "validation", VALIDATION, "-")):
            values = [row.metrics[f"{part}/{quantity}"] for row in history]
            axes.plot(epochs, values, style, color=colour, label=name, marker=".")
        axes.set(xlabel="epoch", ylabel=quantity + unit)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return _png(figure)


def confusion_matrix(counts: np.ndarray, classes: Sequence[str]) -> bytes:
    """How often a test picture of each true class was taken for each class, as PNG; colours show shares of the true
    class."""
    side = max(4.5, 0.45 * len(classes) + 1.5)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    image = draw_confusion(axes, counts, classes)
    axes.set_title(f"test accuracy {np.trace(counts) / counts.sum():.4f}, {counts.sum()} pictures")
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    return _png(figure)


def draw_confusion(axes: Axes, counts: np.ndarray, classes: Sequence[str]) -> AxesImage:
    """The shares of each true class in colour, from counts `(true, predicted)`; counts and names up to 20 classes."""
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted class", ylabel="true class")
    if len(classes) > LEGIBLE:
        return image
    for row, column in np.argwhere(counts > 0):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=8)
    names, tilted = [literal(name) for name in classes], max(map(len, classes)) > 2
    axes.set_xticks(range(len(names)), names, rotation=45 if tilted else 0, ha="right" if tilted else "center")
    axes.set_yticks(range(len(names)), names)
    return image


def prediction_grid(
    path: Path, images: np.ndarray, true: np.ndarray, predicted: np.ndarray, classes: Sequence[str]
) -> None:
    """Pictures `(N, C, H, W)` with their classes; wrong predictions are framed and named."""
    classes = [literal(name) for name in classes]
    across = min(len(images), GRID_COLUMNS)
    rows = -(-len(images) // across)
    figure = Figure(figsize=(1.25 * across + 0.3, 1.55 * rows + 0.2), layout="constrained")
    panels = figure.subplots(rows, across, squeeze=False).ravel()
    for axes in panels:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for axes, picture, label, said in zip(panels, images, true, predicted, strict=False):
        axes.imshow(picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0), cmap="gray", vmin=0, vmax=255)
        wrong = label != said
        text = f"{classes[label]}\nsaid: {classes[said]}" if wrong else f"{classes[label]}\n"
        axes.set_title(text, fontsize=9, color=VALIDATION if wrong else "black", fontweight="bold" if wrong else None)
        axes.spines[:].set(visible=bool(wrong), color=VALIDATION, linewidth=3)
    figure.savefig(path, dpi=110)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, dpi=110)
    return file.getvalue()

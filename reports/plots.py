"""The figures by name: each function draws a study's numbers, and its docstring is its caption. One that has nothing
to show returns None."""

from collections.abc import Callable

from matplotlib.figure import Figure

from reports.answer_plots import confusion, mistakes, recipes
from reports.effect_plots import effects, importance, lr_and_batch_size, pair
from reports.frames import Study
from reports.training_plots import ablation, budget, cost, lead, learning_curves

PLOTS: dict[str, Callable[[Study], Figure | None]] = {
    "lead": lead,
    "importance": importance,
    "effects": effects,
    "pair": pair,
    "ablation": ablation,
    "lr_and_batch_size": lr_and_batch_size,
    "learning_curves": learning_curves,
    "cost": cost,
    "budget": budget,
    "confusion": confusion,
    "mistakes": mistakes,
    "recipes": recipes,
}

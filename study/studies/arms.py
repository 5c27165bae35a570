"""The configurations of an ablation: those between the default and the winner.

For each hyperparameter in which the two differ: the winner with that one set back to its default; and the path from
default to winner, one change after another (Fawcett & Hoos 2016, but in the order of the configuration's fields, which
is known before any run, instead of the largest gain first).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

ALONE, PATH = "alone", "path"
SEEDS = 5  # over which arms are trained, at the least

Levels = dict[str, Any]  # a value for each hyperparameter


class Arm(NamedTuple):
    """A configuration by its hyperparameters, without a seed."""

    name: str
    levels: Levels


class Hypothesis(NamedTuple):
    """That changing one hyperparameter `before -> after` changes test accuracy, all else as in both arms."""

    kind: str
    name: str
    before: Any
    after: Any
    low: Arm
    high: Arm

    @property
    def change(self) -> str:
        """What changes, in words."""
        return f"{self.name} {short(self.before)} -> {short(self.after)}"


def hypotheses(winner: Levels, defaults: Mapping[str, Any], searched: Iterable[str]) -> list[Hypothesis]:
    """Every hypothesis about the winner and the default; empty if they are the same configuration."""
    default = {name: defaults[name] for name in winner}
    differing = [name for name in searched if winner[name] != default[name]]
    top, made = Arm("winner", winner), []
    for name in differing:
        low = Arm(f"winner with {name}={short(default[name])}", {**winner, name: default[name]})
        made.append(Hypothesis(ALONE, name, default[name], winner[name], low, top))
    step = Arm("default", default)
    for number, name in enumerate(differing, start=1):
        changed = ", ".join(f"{other}={short(winner[other])}" for other in differing[:number])
        levels = {**step.levels, name: winner[name]}
        after = top if levels == winner else Arm(f"default with {changed}", levels)
        made.append(Hypothesis(PATH, name, default[name], winner[name], step, after))
        step = after
    return made


def arms_of(found: Sequence[Hypothesis]) -> list[Arm]:
    """Each configuration of the hypotheses once, under its first name."""
    arms: list[Arm] = []
    for hypothesis in found:
        for arm in (hypothesis.low, hypothesis.high):
            if all(arm.levels != other.levels for other in arms):
                arms.append(arm)
    return arms


def short(value: Any) -> str:
    """A value in four significant digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)

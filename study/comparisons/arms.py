"""The configurations of an ablation: those between the default and the winner.

For each hyperparameter in which the two differ: the winner with that one set back to its default; and the path from
default to winner, one change after another (Fawcett & Hoos 2016, but in the order of the configuration's fields, which
is known before any run, instead of the largest gain first).
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

ALONE, PATH = "alone", "path"
SEEDS = 5  # over which arms are trained, at the least

Levels = dict[str, Any]  # a value for each hyperparameter


class Arm(NamedTuple):
    """A configuration by its hyperparameters, without a seed."""

    name: str
    levels: Levels


class Hypothesis(NamedTuple):
    """That changing one hyperparameter `before -> after` changes the result, all else as in both arms."""

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
    """Every hypothesis about the winner and the default; empty if they are the same configuration.

    Two arms with the same levels are one arm, under the name that it had first.
    """
    default = {name: defaults[name] for name in winner}
    differing = [name for name in searched if winner[name] != default[name]]
    arms: dict[tuple[Any, ...], Arm] = {}

    def arm(name: str, levels: Levels) -> Arm:
        return arms.setdefault(tuple(levels.values()), Arm(name, levels))

    top, step, made = arm("winner", winner), arm("default", default), []
    for name in differing:
        low = arm(f"winner with {name}={short(default[name])}", {**winner, name: default[name]})
        made.append(Hypothesis(ALONE, name, default[name], winner[name], low, top))
    for number, name in enumerate(differing, start=1):
        changed = ", ".join(f"{other}={short(winner[other])}" for other in differing[:number])
        after = arm(f"default with {changed}", {**step.levels, name: winner[name]})
        made.append(Hypothesis(PATH, name, default[name], winner[name], step, after))
        step = after
    return made


def arms_of(found: Iterable[Hypothesis]) -> list[Arm]:
    """Each arm of the hypotheses once."""
    arms = {arm.name: arm for hypothesis in found for arm in (hypothesis.low, hypothesis.high)}
    return list(arms.values())


def short(value: Any) -> str:
    """A value in four significant digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)

"""Where a hyperparameter may lie: ranges and choices, each with its own scale."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`, evenly spread on their scale: integers if both ends are."""

    low: float
    high: float
    log: bool = False

    @property
    def ends(self) -> tuple[float, float]:
        return self.low, self.high

    @property
    def integer(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def at(self, quantile: float) -> float:
        """The value that lies at a quantile in [0, 1); each integer takes an equal share of its scale."""
        low, high = (self.low - 0.5, self.high + 0.5) if self.integer else self.ends
        if self.log:
            value = math.exp(math.log(low) + quantile * (math.log(high) - math.log(low)))
        else:
            value = low + quantile * (high - low)
        value = min(max(value, self.low), self.high)
        return round(value) if self.integer else value

    def levels(self, count: int) -> tuple[float, ...]:
        """At most `count` values at equal distances, both ends among them."""
        steps = [step / max(1, count - 1) for step in range(count)]
        scale = (math.log, math.exp) if self.log else (float, float)
        low, high = map(scale[0], self.ends)
        values = (scale[1](low + step * (high - low)) for step in steps)
        return tuple(dict.fromkeys(round(v) if self.integer else min(max(v, self.low), self.high) for v in values))

    def __str__(self) -> str:
        return f"{self.low:g}:{self.high:g}"


@dataclass(frozen=True)
class Choice:
    """A few values, each as likely as the others."""

    options: tuple[Any, ...]

    @property
    def ends(self) -> tuple[Any, ...]:
        return self.options

    def at(self, quantile: float) -> Any:
        return self.options[min(int(quantile * len(self.options)), len(self.options) - 1)]

    def levels(self, count: int) -> tuple[Any, ...]:
        return self.options

    def __str__(self) -> str:
        return ",".join(map(str, self.options))


class Hyperparameter(NamedTuple):
    """How a field of `Config` may vary.

    `space` is its usual search range (None: the family's), `accepted` the smallest and the largest number or all names
    that make sense for it, `searched` says whether a study varies it unless told otherwise.
    """

    help: str
    space: Range | Choice | None
    accepted: tuple[Any, ...]
    unit: str = ""
    searched: bool = False

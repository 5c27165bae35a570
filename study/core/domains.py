"""Where a hyperparameter may lie: ranges and choices, each with its own scale."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hyperstudy.study.core.errors import InputError, not_one_of
from hyperstudy.study.core.text import LONGEST, is_name


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
    def wide(self) -> bool:
        """Whether its ends differ by more than rounding."""
        return self.high - self.low > 1e-9 * max(abs(self.low), abs(self.high))

    @property
    def integer(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def numeric(self) -> bool:
        """Whether its values have an order."""
        return True

    def __contains__(self, value: Any) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return ":".join(short if float(short := f"{end:g}") == end else repr(end) for end in self.ends)

    def parsed(self, text: str) -> float:
        """The value that a tracked run has as text."""
        return int(text) if self.integer else float(text)

    def at(self, quantile: float) -> float:
        """The value at a quantile in [0, 1); each integer takes an equal share of its scale."""
        low, high = (self.low - 0.5, self.high + 0.5) if self.integer else self.ends
        if self.log:
            value = math.exp(math.log(low) + quantile * (math.log(high) - math.log(low)))
        else:
            value = low + quantile * (high - low)
        value = min(max(value, self.low), self.high)
        return round(value) if self.integer else value

    def levels(self, count: int) -> tuple[float, ...]:
        """At most `count` values at equal distances, both ends among them."""
        values = self.values(np.linspace(0, 1, count)).tolist()
        return tuple(dict.fromkeys(round(v) if self.integer else min(max(v, self.low), self.high) for v in values))

    def positions(self, values: Any) -> np.ndarray:
        """Where values lie on the scale: 0 at the lower end, 1 at the upper."""
        scale = np.log if self.log else np.asarray
        low, high = scale(self.low), scale(self.high)
        return (scale(np.asarray(values, dtype=float)) - low) / (high - low)

    def values(self, positions: Any) -> np.ndarray:
        """The values at positions on the scale; integers are not rounded."""
        share = np.asarray(positions, dtype=float)
        return self.low * (self.high / self.low) ** share if self.log else self.low + (self.high - self.low) * share

    def positions_at(self, quantiles: np.ndarray) -> np.ndarray:
        """Positions at quantiles in [0, 1] of values that are sampled evenly, as by `at`."""
        if not self.integer:
            return quantiles
        wider = Range(self.low - 0.5, self.high + 0.5, self.log)
        return self.positions(np.clip(np.rint(wider.values(quantiles)), self.low, self.high))


@dataclass(frozen=True)
class Choice:
    """A few values, each as likely as the others."""

    options: tuple[Any, ...]

    @property
    def ends(self) -> tuple[Any, ...]:
        return self.options

    @property
    def numeric(self) -> bool:
        """Whether its values have an order; text has none."""
        return not isinstance(self.options[0], str)

    def __contains__(self, value: Any) -> bool:
        return value in self.options

    def __str__(self) -> str:
        return ",".join(map(str, self.options))

    def parsed(self, text: str) -> Any:
        """The option that a tracked run has as text."""
        return next(option for option in self.options if str(option) == text)

    def at(self, quantile: float) -> Any:
        return self.options[min(int(quantile * len(self.options)), len(self.options) - 1)]

    def levels(self, count: int) -> tuple[Any, ...]:
        return self.options

    def positions(self, values: Any) -> np.ndarray:
        """Where numbers lie between the smallest and the largest option, by their logarithm if all are above 0; the
        number of the option, from 0, for text."""
        if self.numeric:
            return self._range.positions(values)
        return np.array([self.options.index(str(value)) for value in values], dtype=float)

    def values(self, positions: Any) -> np.ndarray:
        """The numbers at positions; only where the options are numbers."""
        return self._range.values(positions)

    def positions_at(self, quantiles: np.ndarray) -> np.ndarray:
        """Positions at quantiles in [0, 1] of options that are sampled evenly, as by `at`."""
        numbers = np.minimum((quantiles * len(self.options)).astype(int), len(self.options) - 1)
        return self.positions(np.asarray(self.options)[numbers])

    @property
    def _range(self) -> Range:
        low, high = float(min(self.options)), float(max(self.options))
        return Range(low, high, log=low > 0)


Domain = Range | Choice


class Hyperparameter(NamedTuple):
    """A hyperparameter: what it means, its default, and how it may vary.

    `space` is its usual search range (None: the model family's), `accepted` the smallest and the largest number or all
    names that make sense for it (a registry, to which rows may be added; unless given: any number, or the names in
    `space`), `searched` says whether a study
    varies it unless told otherwise. Its values are of the type of its default; of whole numbers where that is None.
    """

    help: str
    default: Any
    space: Domain | None
    accepted: Collection[Any] = ()
    unit: str = ""
    searched: bool = False

    @property
    def kind(self) -> type:
        """The type of its values: float, int or str."""
        return int if self.default is None else type(self.default)

    @property
    def limits(self) -> Collection[Any]:
        """The smallest and the largest accepted number, or all accepted names."""
        if self.accepted:
            return self.accepted
        return self.space.ends if self.kind is str and self.space else (-math.inf, math.inf)

    def checked(self, name: str) -> "Hyperparameter":
        """Itself; raises `InputError` for a row that a study cannot use."""
        if not isinstance(self.default, int | float | str) or isinstance(self.default, bool):
            raise InputError(f"{name} must have a number or a text as its default; got {self.default!r}")
        match self.space:
            case Range(low=low, log=log):
                fits = self.kind is not str and self.space.wide and (low > 0 or not log)
            case Choice(options):
                fits = len(set(options)) == len(options) > 0
            case _:
                fits = False
        if not fits or self.space is None:
            rule = "a Range from low to high, above 0 if log, or a Choice of different values"
            raise InputError(f"{name} must be searched in {rule}; got {self.space!r}")
        for value in (self.default, *self.space.ends):
            self.check(name, value)
        for text in (self.unit, *(self.space.ends if self.kind is str else ())):
            if text and not is_name(text):
                raise InputError(
                    f"{name} must have texts of one line, up to {LONGEST} characters; got {str(text)[:LONGEST]!r}"
                )
        return self

    def check(self, name: str, value: Any) -> Any:
        """The value in the hyperparameter's type; raises `InputError` for one that is not accepted."""
        if self.kind is str:
            if value not in self.limits:
                raise not_one_of(name, value, self.limits)
            return value
        low, high = self.limits
        whole = isinstance(value, int) and not isinstance(value, bool)
        number = whole or (self.kind is float and isinstance(value, float) and math.isfinite(value))
        if not number or not low <= value <= high:
            noun = "a whole number" if self.kind is int else "a number"
            low, high = (f"{end:,}" if isinstance(end, int) else f"{end:g}" for end in self.limits)
            raise InputError(f"{name} must be {noun} from {low} to {high}; got {value}")
        return self.kind(value)

    def of_family(self, depths: tuple[int, ...], default: int | None) -> "Hyperparameter":
        """The same with a family's levels: all from the first to the last, or only these."""
        consecutive = depths == tuple(range(depths[0], depths[-1] + 1))
        space = Range(depths[0], depths[-1]) if consecutive else Choice(depths)
        return self._replace(default=default, space=space)


class Dimension(NamedTuple):
    """A hyperparameter in a study: what is searched of it (None: it is fixed), and its default.

    `accepted` holds the smallest and the largest number that make sense; it is empty where values are text.
    """

    domain: Domain | None
    default: Any
    unit: str = ""
    accepted: tuple[float, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, which `dimension` reads."""
        match self.domain:
            case Range(low, high, log):
                domain = {"kind": "range", "low": low, "high": high, "log": log}
            case Choice(options):
                domain = {"kind": "choice", "options": list(options)}
            case None:
                domain = {"kind": "fixed"}
        accepted = {"accepted": list(self.accepted)} if self.accepted else {}
        return {**domain, "default": self.default, "unit": self.unit, **accepted}

    def describe(self) -> str:
        """What is searched, in words."""
        match self.domain:
            case Range(low, high, log):
                return f"{low:g} to {high:g}{' (log)' if log else ''} {self.unit}".strip()
            case Choice(options):
                return ", ".join(map(str, options))
        return "fixed"


def dimension(row: Mapping[str, Any]) -> Dimension:
    """The dimension whose `as_dict` gave the row."""
    domain: Domain | None = None
    if row["kind"] == "range":
        domain = Range(row["low"], row["high"], row["log"])
    elif row["kind"] == "choice":
        domain = Choice(tuple(row["options"]))
    return Dimension(domain, row["default"], row.get("unit", ""), tuple(row.get("accepted", ())))

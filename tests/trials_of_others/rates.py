"""Statements counted by kind, and the rates that they should have."""

from collections.abc import Iterable
from typing import NamedTuple

from hyperstudy.reports.statistics.intervals import rate
from hyperstudy.study.comparisons.seeds import Estimate
from tests.trials_of_others.judge import Statement


class Tally(NamedTuple):
    """Of `n` statements, `hits` were what their kind counts."""

    hits: int = 0
    n: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.hits + other.hits, self.n + other.n)

    @property
    def estimate(self) -> Estimate:
        return rate(self.hits, self.n)


Tallies = dict[str, Tally]  # by kind


class Wanted(NamedTuple):
    low: float
    high: float

    def __str__(self) -> str:
        if self.low == 0:
            return f"at most {self.high:.0%}"
        return f"at least {self.low:.0%}" if self.high == 1 else f"{self.low:.0%} to {self.high:.0%}"


COVERAGE, ERROR = Wanted(0.90, 0.98), Wanted(0.0, 0.05)
WANTED: dict[str, Wanted] = {  # by kind; kinds that are missing are described only
    "an effect is given": Wanted(0.95, 1.0),
    "total share covered": COVERAGE,
    "first-order share covered": COVERAGE,
    "worst to best covered": COVERAGE,
    "worst to best is at least its lower end": Wanted(0.95, 1.0),
    "gain over the default covered": COVERAGE,
    "share over 15% found": Wanted(0.75, 1.0),
    "share of 5 to 15% found": Wanted(0.35, 1.0),
    "share under 3% said to matter": ERROR,
    "what matters has a best value named": Wanted(0.5, 1.0),
    "worst and best exchanged": ERROR,
    "a gain is claimed that is none": ERROR,
    "an interaction below 1% is claimed": ERROR,
    "failures are blamed where they are no more": ERROR,
    "the best is said to lie at an end, and does not": ERROR,
    "an inert hyperparameter is said to matter": ERROR,
    "an inert hyperparameter is said to interact": ERROR,
    "failures are blamed on an inert one": ERROR,
    "the best of an inert one is said to lie at an end": ERROR,
    "nothing matters: any supported sentence": Wanted(0.0, 0.10),
    "nothing matters: an influence": ERROR,
    "nothing matters: an interaction": ERROR,
    "nothing matters: a law of lr": ERROR,
    "nothing matters: a break": ERROR,
    "nothing matters: a gain over the default (table)": ERROR,
    "nothing matters: an end of a range (suggestive)": ERROR,
}


def count(statements: Iterable[Statement]) -> Tallies:
    found: Tallies = {}
    for kind, said in statements:
        found[kind] = found.get(kind, Tally()) + Tally(int(said), 1)
    return found


def together(tallies: Iterable[Tallies]) -> Tallies:
    found: Tallies = {}
    for part in tallies:
        for kind, tally in part.items():
            found[kind] = found.get(kind, Tally()) + tally
    return found


def ordered(kinds: Iterable[str]) -> list[str]:
    """Kinds with a wanted rate in their order, each followed by what only describes."""
    known = set(kinds)
    return [kind for kind in WANTED if kind in known] + sorted(known - set(WANTED))


def markdown(by_table: dict[str, Tallies]) -> str:
    """A row per kind: the rate of each table and over all, with Wilson's 95% interval."""
    every = together(by_table.values())
    lines = ["| of a study, how often | " + " | ".join(by_table) + " | all [95%] | n | wanted |"]
    lines.append("|---" * (len(by_table) + 4) + "|")
    for kind in ordered(every):
        cells = [_percent(part[kind].estimate.mean) if kind in part else "-" for part in by_table.values()]
        found, wanted = every[kind].estimate, WANTED.get(kind)
        outside = wanted is not None and not wanted.low <= found.mean <= wanted.high
        cells += [f"{_percent(found.mean)} [{_percent(found.low)}, {_percent(found.high)}]", str(found.n)]
        cells += [f"{wanted or ''}{' MISSED' if outside else ''}"]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def power_table(found: dict[str, dict[str, Estimate]]) -> str:
    """A row per evaluator: how often it claims the inert hyperparameter, and finds true shares by size."""
    sizes = list(next(iter(found.values())))
    lines = ["| claims | " + " | ".join(sizes) + " |", "|---" * (len(sizes) + 1) + "|"]
    for name, rates in found.items():
        cells = [f"{_percent(r.mean)} [{_percent(r.low)}, {_percent(r.high)}]" for r in rates.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)

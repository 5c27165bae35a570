"""Two studies of one question side by side, each part computed once."""

import json
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.frames import Study
from hyperstudy.reports.statistics.agreement import Agreement, agreement
from hyperstudy.reports.statistics.verdicts import INCONCLUSIVE, verdict_on
from hyperstudy.study.comparisons.seeds import Estimate, Lead, lead_of
from hyperstudy.study.core.errors import InputError


@dataclass(frozen=True, eq=False)
class Versus:
    """Two analyses; `study` is what a page shows of both."""

    first: Analysis
    second: Analysis
    command: str

    @property
    def both(self) -> tuple[Study, Study]:
        return self.first.study, self.second.study

    @cached_property
    def study(self) -> Study:
        one, two = self.both
        hardware = dict.fromkeys(study.tags.get("study.hardware", "") for study in self.both)
        tags = {"study.hardware": "; ".join(filter(None, hardware)), "study.command": self.command}
        tags |= {"study.loop": one.loop} if one.loop else {}
        runs = pd.concat([one.runs, two.runs], ignore_index=True)
        return replace(one, name=f"{one.name}-vs-{two.name}", link="", tags=tags, runs=runs)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """What both winners reach on the seeds that both have: columns `first, second`, indexed by seed."""
        one, two = (study.of_finalist("winner").set_index("seed").tested for study in self.both)
        return pd.DataFrame({"first": one, "second": two}).dropna()

    @cached_property
    def lead(self) -> Lead | None:
        """The second winner's lead over the first; None without a common seed."""
        one, two = (study.answered("winner") for study in self.both)
        return lead_of(two, one) if len(self.pairs) else None

    @property
    def difference(self) -> Estimate | None:
        return self.lead.estimate if self.lead else None

    @property
    def chance(self) -> float | None:
        """The probability, from a flat prior, that the second winner is better."""
        return self.lead.probability if self.lead else None

    @property
    def verdict(self) -> str:
        """On which winner is better."""
        return verdict_on(self.lead) if self.lead else INCONCLUSIVE

    @cached_property
    def shared(self) -> list[str]:
        """The hyperparameters that both studies searched."""
        return [name for name in self.first.study.searched if name in self.second.study.domains]

    @cached_property
    def agreements(self) -> dict[str, Agreement]:
        """How alike both studies' effects of each shared hyperparameter are, where their trials can tell."""
        if not (self.first.curves and self.second.curves):
            return {}
        one, two = self.first, self.second
        found = {
            name: agreement((one.curves[name], two.curves[name]), (one.study.domains[name], two.study.domains[name]))
            for name in self.shared
        }
        return {name: row for name, row in found.items() if row is not None}


def check_comparable(versus: Versus) -> None:
    """Raise `InputError` unless both studies ask the same question and have something to compare."""
    one, two = versus.both
    if one.name == two.name:
        raise InputError(f"two different studies can be compared; got {one.name!r} twice")
    if one.objective != two.objective:
        raise InputError(
            f"studies must have the same objective; that of {one.name!r} is {one.objective.described}, that of "
            f"{two.name!r} {two.objective.described}"
        )
    if not (one.loop and two.loop):  # only a loop itself knows its data
        _check_same_pictures(one, two)
    if versus.difference is None and not versus.agreements:
        raise InputError(
            f"nothing of {one.name!r} and {two.name!r} can be compared: winners need confirmation runs on common "
            "seeds, effects a hyperparameter that both searched in enough trials"
        )


def _check_same_pictures(one: Study, two: Study) -> None:
    digests = [json.loads(study.tags.get("study.settings", "{}")).get("data digest") for study in (one, two)]
    for study, digest in zip((one, two), digests, strict=True):
        if digest is None:
            raise InputError(f"study {study.name!r} does not say what data it used: it was made by an earlier version")
    if digests[0] != digests[1]:
        raise InputError(
            f"studies must be of the same pictures: the data digest of {one.name!r} is {digests[0]}, that of "
            f"{two.name!r} {digests[1]}"
        )

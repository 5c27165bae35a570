"""A study as frames of plain values, from which all of the report is computed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from hyperstudy.reports.statistics.verdicts import SUGGESTIVE, SUPPORTED
from hyperstudy.study.comparisons.arms import Levels
from hyperstudy.study.comparisons.choice import Reranking, read_reranking
from hyperstudy.study.comparisons.seeds import Answered
from hyperstudy.study.core.domains import Dimension, Domain
from hyperstudy.study.outputs.names import (
    COMPLETE,
    CONFIRM,
    DIVERGED,
    EXPLORE,
    FAILED,
    FINISHED,
    RECIPE,
    RERANK,
    SEARCH,
)
from hyperstudy.study.outputs.objective import ACCURACY, Objective

JUDGED = ("objective", "best_objective", "tested")  # columns of runs, larger-is-better
MARKS = ("versions", "mlflow.source.git.commit")  # tags of a run that tell code and libraries


class Answers(NamedTuple):
    """What a network said of the test pictures: counts `(true, predicted)` and its most confident mistakes.

    `mistakes` holds `pictures` (N, C, H, W) uint8, the class indices `true` and `predicted`, and `probability`; it is
    empty for old runs.
    """

    classes: list[str]
    counts: np.ndarray
    mistakes: dict[str, np.ndarray]


class Origin(NamedTuple):
    """Where the trials come from that study.run did not make."""

    place: str  # in words
    random: bool  # whether they were sampled at random, as their user says
    notes: tuple[str, ...]  # what was left out, and why


@dataclass(frozen=True, eq=False)
class Study:
    """What a report is made of.

    `runs` has a row per run: `run_id, name, phase, state, trial, role, seconds`, a column per hyperparameter, numeric
    where its values are, and one per summary metric. `curves` has a row per run and epoch: `run_id, epoch, objective`,
    and a column per metric. Both hold the objective larger-is-better, whatever its direction: of runs after the last
    epoch (`objective`) and after the best (`best_objective`), and of confirmation runs (`tested`) on the test data, or
    on validation where there is no test metric.
    """

    name: str
    link: str  # to its charts
    tags: dict[str, str]
    space: dict[str, Dimension]
    runs: pd.DataFrame
    curves: pd.DataFrame
    answers: Answers | None = None  # of the winner's first confirmation run
    right: Mapping[str, np.ndarray] = field(default_factory=dict)  # by run: was it right about each test picture `(N,)`
    objective: Objective = ACCURACY
    origin: Origin | None = None  # None: study.run made it
    lost: str = ""  # which runs its store has lost, in words

    @cached_property
    def domains(self) -> dict[str, Domain]:
        """The domains of the searched hyperparameters."""
        return {name: row.domain for name, row in self.space.items() if row.domain is not None}

    @property
    def searched(self) -> list[str]:
        return list(self.domains)

    @property
    def loop(self) -> str:
        """The name of the user's own training loop; empty for a study of pictures."""
        return self.tags.get("study.loop", "")

    @property
    def chance(self) -> float | None:
        """The objective of guessing, larger-is-better; None if it is not known. Studies of accuracy without this tag
        have equally frequent classes."""
        if tag := self.tags.get("study.chance"):
            return self.objective.own(float(tag))
        return 1 / int(self.tags.get("study.classes", 10)) if self.objective.accuracy else None

    @cached_property
    def trials(self) -> pd.DataFrame:
        """The runs of explore and search."""
        return self.runs[self.runs.phase.isin((EXPLORE, SEARCH))]

    @cached_property
    def explored(self) -> pd.DataFrame:
        """The designed runs that finished; inference rests on these alone. Of trials that others ran: all that were
        not pruned."""
        ended = (COMPLETE, DIVERGED, FAILED) if self.origin else (COMPLETE, DIVERGED)
        return self.runs[(self.runs.phase == EXPLORE) & self.runs.state.isin(ended)]

    def at_most(self, verdict: str) -> str:
        """The verdict, or 'suggestive' in place of 'supported' where the trials may not be a random sample."""
        capped = self.origin is not None and not self.origin.random and verdict == SUPPORTED
        return SUGGESTIVE if capped else verdict

    @cached_property
    def confirmed(self) -> pd.DataFrame:
        """The finished confirmation runs that have a value on the test data."""
        finished = (self.runs.phase == CONFIRM) & self.runs.state.isin(FINISHED)
        return self.runs[finished & self.runs.tested.notna()]

    @cached_property
    def recipes(self) -> pd.DataFrame:
        """The finished runs of published recipes."""
        return self.runs[(self.runs.phase == RECIPE) & self.runs.state.isin(FINISHED)]

    @cached_property
    def finalists(self) -> dict[str, Levels]:
        """Role and hyperparameters of the configurations that were confirmed last; empty without a confirmation."""
        return json.loads(self.tags.get("study.finalists", "{}"))

    def runs_of(self, levels: Levels) -> pd.DataFrame:
        """The confirmation runs of a configuration, one per seed, by seed."""
        return self.matching(self.confirmed, levels)

    def matching(self, runs: pd.DataFrame, levels: Levels) -> pd.DataFrame:
        """Those of the runs that have a configuration, one per seed, by seed."""
        matches = np.logical_and.reduce([runs[name].eq(value) for name, value in levels.items() if name != "seed"])
        return runs[matches].sort_values("seed", kind="stable").drop_duplicates("seed")

    def of_finalist(self, role: str) -> pd.DataFrame:
        """The confirmation runs of a finalist, by seed; empty if there is none in this role."""
        return self.runs_of(self.finalists[role]) if role in self.finalists else self.confirmed.iloc[:0]

    @cached_property
    def reranking(self) -> Reranking | None:
        """What the re-ranking found; None in studies of old versions."""
        return read_reranking(self.tags)

    @property
    def default_won(self) -> bool:
        """Whether the winner is the default configuration."""
        winner = self.finalists.get("winner")
        return winner is not None and all(winner[name] == self.space[name].default for name in self.searched)

    def answered(self, role: str) -> list[Answered]:
        """A finalist's confirmation runs, by seed."""
        rows = self.of_finalist(role)
        columns = zip(rows.seed, rows.tested, rows.run_id, strict=True)
        return [Answered(int(seed), value, self.right.get(run_id)) for seed, value, run_id in columns]

    def reranking_runs(self, role: str) -> pd.DataFrame:
        """The re-ranking's finished runs of a finalist."""
        runs = self.runs[(self.runs.phase == RERANK) & self.runs.state.isin(FINISHED)]
        return self.matching(runs, self.finalists[role]) if role in self.finalists else runs.iloc[:0]

    def paired(self, first: str, second: str) -> pd.DataFrame:
        """What two finalists reach on the seeds that both have: columns `first, second`, indexed by seed."""
        one, two = (self.of_finalist(role).set_index("seed").tested for role in (first, second))
        return pd.DataFrame({"first": one, "second": two}).dropna()

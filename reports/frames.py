"""A study as frames of plain values, which all of the report is computed from."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from study.outputs.names import CONFIRM, EXPLORE, FINISHED, RECIPE, SEARCH

MARKS = ("versions", "mlflow.source.git.commit")  # tags of a run that tell code and libraries


class Answers(NamedTuple):
    """What a network said of the test pictures: counts `(true, predicted)`, and its most confident mistakes with their
    `pictures` (N, C, H, W) uint8, `true` and `predicted` class indices and `probability`, which old runs lack."""

    counts: pd.DataFrame
    mistakes: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Study:
    """What a report is made of; one is itself alone, so that what was computed of it can be kept.

    `runs` has a row per run: `run_id, name, phase, state, trial, role, seconds`, a column per hyperparameter, numeric
    where its values are, and one per summary metric. `curves` has a row per run and epoch: `run_id, epoch`, and a
    column per metric of `EPOCH_METRICS`. `space` describes every hyperparameter as the study's tag does.
    """

    name: str
    link: str  # to its charts
    tags: dict[str, str]
    space: dict[str, dict[str, Any]]
    runs: pd.DataFrame
    curves: pd.DataFrame
    answers: Answers | None = None  # of the winner's first confirmation run

    @property
    def searched(self) -> list[str]:
        return [name for name, row in self.space.items() if row["kind"] != "fixed"]

    @cached_property
    def trials(self) -> pd.DataFrame:
        """The runs of explore and search."""
        return self.runs[self.runs.phase.isin((EXPLORE, SEARCH))]

    @cached_property
    def explored(self) -> pd.DataFrame:
        """The designed runs that finished, which alone inference rests on."""
        return self.runs[(self.runs.phase == EXPLORE) & self.runs.state.isin(("complete", "diverged"))]

    @cached_property
    def confirmed(self) -> pd.DataFrame:
        """The confirmation runs that met the test set."""
        finished = (self.runs.phase == CONFIRM) & self.runs.state.isin(FINISHED)
        return self.runs[finished & self.runs["test/accuracy"].notna()]

    @cached_property
    def recipes(self) -> pd.DataFrame:
        """The finished runs of published recipes."""
        return self.runs[(self.runs.phase == RECIPE) & self.runs.state.isin(FINISHED)]

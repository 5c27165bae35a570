"""What a report is made of: sections with findings, figures, tables, health checks and next steps."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

import pandas as pd
from matplotlib.figure import Figure

from hyperstudy.reports.frames import Study

PASS, WARN, FAIL = "pass", "warn", "fail"


class Finding(NamedTuple):
    """A sentence with what it rests on: `evidence` names the runs, `next_step` says what would settle it.

    A description has no verdict: an empty text.
    """

    claim: str
    effect: str
    interval: str
    n: int
    verdict: str
    evidence: list[str]
    next_step: str = ""


class Check(NamedTuple):
    """A health check: its status, what was seen, and what to do about it."""

    status: str
    text: str
    next_step: str = ""


class Step(NamedTuple):
    """A command to run next, and what it is for."""

    why: str
    command: str


class Subject(Protocol):
    """What sections speak of: the analysis of a study, or two side by side."""

    @property
    def study(self) -> Study:
        """What a page shows of it."""


S = TypeVar("S", bound=Subject)
Picture = Callable[[S], Figure | None]  # a row of `figures`; its docstring is the caption


class Decision(NamedTuple, Generic[S]):
    """What a reader came for: the answer in a sentence, what else to know as label and text, and the next command."""

    sentence: str
    lines: Sequence[tuple[str, str]] = ()
    command: str = ""
    figure: Picture[S] | None = None


@dataclass(frozen=True)
class Section(Generic[S]):
    """Rows that answer one question of the reader about the subject that they are called with, each by its name.

    A row without an answer returns None, or an empty list or frame. The docstring of a figure or table is its caption.
    An empty section shows the text `nothing`. Tables are folded, but for the names in `open_tables`.
    """

    title: str
    nothing: str = ""
    claims: Mapping[str, Callable[[S], Sequence[Finding]]] = field(default_factory=dict)
    figures: Mapping[str, Picture[S]] = field(default_factory=dict)
    tables: Mapping[str, Callable[[S], pd.DataFrame]] = field(default_factory=dict)
    open_tables: Collection[str] = ()  # those that answer the question
    checks: Mapping[str, Callable[[S], Check | None]] = field(default_factory=dict)
    steps: Mapping[str, Callable[[S], Step | None]] = field(default_factory=dict)

    @property
    def anchor(self) -> str:
        """Where a code host puts the title of the Markdown."""
        return re.sub(r"[^\w -]", "", self.title.lower()).replace(" ", "-")

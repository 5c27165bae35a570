"""What a report is made of: sections with findings, figures, tables, health checks and next steps."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from hyperstudy.reports.analysis import Analysis

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


Picture = Callable[[Analysis], Figure | None]  # a row of `figures`; its docstring is the caption


class Decision(NamedTuple):
    """What a reader came for: the answer in a sentence, what else to know as label and text, and the next command."""

    sentence: str
    lines: Sequence[tuple[str, str]] = ()
    command: str = ""
    figure: Picture | None = None


@dataclass(frozen=True)
class Section:
    """Rows that answer one question of the reader, each by its name.

    A row without an answer returns None, or an empty list or frame. The docstring of a figure or table is its caption.
    An empty section shows the text `nothing`. Tables are folded, but for the names in `open_tables`.
    """

    title: str
    nothing: str = ""
    claims: Mapping[str, Callable[[Analysis], Sequence[Finding]]] = field(default_factory=dict)
    figures: Mapping[str, Picture] = field(default_factory=dict)
    tables: Mapping[str, Callable[[Analysis], pd.DataFrame]] = field(default_factory=dict)
    open_tables: Collection[str] = ()  # those that answer the question
    checks: Mapping[str, Callable[[Analysis], Check | None]] = field(default_factory=dict)
    steps: Mapping[str, Callable[[Analysis], Step | None]] = field(default_factory=dict)

    @property
    def anchor(self) -> str:
        """Where a code host puts the title of the Markdown."""
        return re.sub(r"[^\w -]", "", self.title.lower()).replace(" ", "-")

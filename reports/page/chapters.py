"""The content of a section: what its rows give for a study. A row that fails leaves its error in its place."""

import base64
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from hyperstudy.reports.page.points import Canvas, Point
from hyperstudy.reports.page.section import Check, Finding, Picture, S, Section, Step
from hyperstudy.study.core.text import inert

DPI = 210  # 1,092 pixels: sharp on a phone with three pixels to a point, and on a screen with two


class Drawing(NamedTuple):
    name: str
    caption: str
    png: str  # base64
    points: Sequence[Point] = ()
    photographs: bool = False


class Sheet(NamedTuple):
    name: str
    caption: str
    frame: pd.DataFrame
    folded: bool = True

    @property
    def summary(self) -> str:
        """The first sentence of the caption."""
        return self.caption.partition(". ")[0].rstrip(".:")

    @property
    def rest(self) -> str:
        return self.caption.partition(". ")[2]


@dataclass
class Chapter:
    """A section with its content; `errors` says in a line each what failed, `tracebacks` where."""

    section: Section[Any]
    findings: dict[str, Sequence[Finding]] = field(default_factory=dict)  # by the name of their row
    figures: list[Drawing] = field(default_factory=list)
    tables: list[Sheet] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (
            any(self.findings.values()) or self.figures or self.tables or self.checks or self.steps or self.errors
        )

    def attempts(self, rows: Mapping[str, Callable[..., Any]], make: Callable[..., Any]) -> Iterable[tuple[str, Any]]:
        """What `make(name, row)` gives for every row; a row that fails leaves its error instead."""
        for name, row in rows.items():
            try:
                made = make(name, row)
            except Exception as error:  # whatever it is, the rest of the report still appears
                self.errors.append(f"{name}: {type(error).__name__}: {error}")
                self.tracebacks.append(traceback.format_exc())
            else:
                if made is not None:
                    yield name, made


def write_chapter(section: Section[S], analysis: S, folder: Path) -> Chapter:
    """The section's content; figures and tables are written into `figures/` and `tables/` of the folder."""

    def ask(_: str, row: Callable[[S], Any]) -> Any:
        return row(analysis)

    def draw(name: str, row: Picture[S]) -> Drawing | None:
        return _drawing(name, row.__doc__ or "", row(analysis), folder)

    def tabulate(name: str, row: Callable[[S], pd.DataFrame]) -> Sheet | None:
        return _sheet(name, row.__doc__ or "", row(analysis), folder, name not in section.open_tables)

    chapter = Chapter(section)
    chapter.findings = dict(chapter.attempts(section.claims, ask))
    chapter.figures = [drawing for _, drawing in chapter.attempts(section.figures, draw)]
    chapter.tables = [sheet for _, sheet in chapter.attempts(section.tables, tabulate)]
    chapter.checks = [check for _, check in chapter.attempts(section.checks, ask)]
    chapter.steps = [step for _, step in chapter.attempts(section.steps, ask)]
    return chapter


def _drawing(name: str, caption: str, figure: Figure | None, folder: Path) -> Drawing | None:
    if figure is None:
        return None
    if engine := figure.get_layout_engine():
        engine.execute(figure)
        figure.set_layout_engine(None)  # laid out once, not again for each format
    for kind in ("svg", "png"):
        figure.savefig(folder / "figures" / f"{name}.{kind}", dpi=DPI)
    png = base64.b64encode((folder / "figures" / f"{name}.png").read_bytes()).decode()
    if not isinstance(figure, Canvas):
        return Drawing(name, " ".join(caption.split()), png)
    words = " ".join([*caption.split(), *figure.remarks])
    return Drawing(name, words, png, figure.points(), figure.photographs)


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as CSV in which no text is a formula to a spreadsheet."""
    safe = frame.rename(columns=lambda name: inert(str(name)))
    safe.map(lambda value: inert(value) if isinstance(value, str) else value).to_csv(path, index=False)


def _sheet(name: str, caption: str, frame: pd.DataFrame, folder: Path, folded: bool) -> Sheet | None:
    if frame.empty:
        return None
    write_table(frame, folder / "tables" / f"{name}.csv")
    return Sheet(name, " ".join(caption.split()), frame, folded)

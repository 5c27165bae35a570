"""A report as Markdown, as one self-contained page, and as files. A part that fails becomes a card in its place."""

import base64
import json
import re
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, FileSystemLoader, select_autoescape
from matplotlib.figure import Figure

from reports.analysis import Analysis
from reports.frames import MARKS, Study
from reports.page import text
from reports.page.section import Check, Finding, Section, Step
from study.tracking.store import UI_ADDRESS

DPI = 150
ERRORS = "errors.log"


class Drawing(NamedTuple):
    name: str
    caption: str
    png: str  # base64


class Sheet(NamedTuple):
    name: str
    caption: str
    frame: pd.DataFrame


@dataclass
class Chapter:
    """A section with its content; `errors` says in a line each what failed, `tracebacks` where."""

    section: Section
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


def write_report(analysis: Analysis, sections: Sequence[Section], question: str, folder: Path) -> None:
    """Write `README.md`, `report.html`, `findings.json`, `figures/` and `tables/` into the folder, which then holds no
    figures or tables of an earlier report; and `errors.log` if a part failed."""
    for name in ("figures", "tables"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    chapters = [_chapter(section, analysis, folder) for section in sections]
    _write_findings(chapters, folder)
    _write_errors(chapters, folder)
    _remove_others(folder, chapters)
    content = {
        "study": analysis.study,
        "question": question,
        "local": analysis.study.link.startswith(UI_ADDRESS),
        "chapters": chapters,
        "made_with": _made_with(analysis.study),
    }
    for template, name in (("report.md", "README.md"), ("report.html", "report.html")):
        (folder / name).write_text(_environment().get_template(template).render(content), encoding="utf-8")


def _chapter(section: Section, analysis: Analysis, folder: Path) -> Chapter:
    def ask(_: str, row: Callable[[Analysis], Any]) -> Any:
        return row(analysis)

    def draw(name: str, row: Callable[[Analysis], Figure | None]) -> Drawing | None:
        return _drawing(name, row.__doc__, row(analysis), folder)

    def tabulate(name: str, row: Callable[[Analysis], pd.DataFrame]) -> Sheet | None:
        return _sheet(name, row.__doc__, row(analysis), folder)

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
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine(None)  # laid out once, not again for each format
    for kind in ("svg", "png"):
        figure.savefig(folder / "figures" / f"{name}.{kind}", dpi=DPI)
    png = (folder / "figures" / f"{name}.png").read_bytes()
    return Drawing(name, " ".join(caption.split()), base64.b64encode(png).decode())


def _sheet(name: str, caption: str, frame: pd.DataFrame, folder: Path) -> Sheet | None:
    if frame.empty:
        return None
    frame.to_csv(folder / "tables" / f"{name}.csv", index=False)
    return Sheet(name, " ".join(caption.split()), frame)


def _write_findings(chapters: Sequence[Chapter], folder: Path) -> None:
    rows = [
        {"topic": topic, **finding._asdict()}
        for chapter in chapters
        for topic, findings in chapter.findings.items()
        for finding in findings
    ]
    (folder / "findings.json").write_text(json.dumps(rows, indent=2))
    table = pd.DataFrame(
        [row | {"evidence": " ".join(row["evidence"])} for row in rows], columns=["topic", *Finding._fields]
    )
    table.to_csv(folder / "tables" / "findings.csv", index=False)


def _write_errors(chapters: Sequence[Chapter], folder: Path) -> None:
    tracebacks = [found for chapter in chapters for found in chapter.tracebacks]
    if tracebacks:
        (folder / ERRORS).write_text("\n".join(tracebacks), encoding="utf-8")
    else:
        (folder / ERRORS).unlink(missing_ok=True)


def _remove_others(folder: Path, chapters: Sequence[Chapter]) -> None:
    """Remove figures and tables that an earlier report left in the folder."""
    figures = {drawing.name for chapter in chapters for drawing in chapter.figures}
    tables = {sheet.name for chapter in chapters for sheet in chapter.tables} | {"findings"}
    for pattern, kept in (("figures/*.png", figures), ("figures/*.svg", figures), ("tables/*.csv", tables)):
        for path in folder.glob(pattern):
            if path.stem not in kept:
                path.unlink()


def _made_with(study: Study) -> str:
    """Code and libraries of the runs; those of the latest run where they differ."""
    commits, versions = (study.runs[name].dropna() for name in MARKS[::-1])
    libraries = json.loads(versions.iloc[-1]) if len(versions) else {}
    words = [f"{name} {version}" for name, version in libraries.items()]
    shown = [f"commit {re.sub(r'[0-9a-f]{40}', lambda found: found[0][:12], commit)}" for commit in commits.iloc[-1:]]
    return ", ".join([*words, *shown]) or "versions unknown"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": text.cell, "md": text.markdown, "fenced": text.fenced}
    return environment

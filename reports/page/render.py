"""A report as Markdown, as one self-contained page, and as files."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from hyperstudy.reports.frames import MARKS, Study
from hyperstudy.reports.page import text
from hyperstudy.reports.page.chapters import Chapter, Drawing, write_chapter, write_table
from hyperstudy.reports.page.measured import MEASURED
from hyperstudy.reports.page.section import Decision, Finding, S, Section
from hyperstudy.study.core.text import markdown, printable
from hyperstudy.study.tracking.store import UI_ADDRESS

ERRORS = "errors.log"
TEMPLATES = Path(__file__).parent / "templates"
FRONT = "decision"  # the name of the card's figure

Decide = Callable[[S], Decision[S] | None]


def write_report(
    analysis: S, sections: Sequence[Section[S]], question: str, folder: Path, decide: Decide[S] | None = None
) -> None:
    """Write `README.md`, `report.html`, `findings.json`, `figures/` and `tables/` into the folder, which then holds no
    figures or tables of an earlier report; and `errors.log` if a part failed. What `decide` returns stands on top."""
    for name in ("figures", "tables"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    decision, card = _card(decide, analysis, folder)
    chapters = [write_chapter(part, analysis, folder) for part in sections]
    _write_findings(chapters, folder)
    _write_errors([card, *chapters], folder)
    _remove_others(folder, [card, *chapters])
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    content = {
        "script": script,
        "script_digest": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),  # no other script runs
        "study": analysis.study,
        "question": question,
        "measured": MEASURED if analysis.study.searched else "",
        "local": analysis.study.link.startswith(UI_ADDRESS),
        "decision": decision,
        "card": card,
        "chapters": chapters,
        "made_with": _made_with(analysis.study),
        **_pointers([drawing for chapter in (card, *chapters) for drawing in chapter.figures]),
    }
    for template, name, safe in (("report.md", "README.md", _as_markdown), ("report.html", "report.html", printable)):
        (folder / name).write_text(_environment(safe).get_template(template).render(content), encoding="utf-8")


def _card(decide: Decide[S] | None, analysis: S, folder: Path) -> tuple[Decision[S] | None, Chapter]:
    """The decision, and the chapter with its figure and with what failed."""
    asked = Chapter(Section(FRONT))
    rows = {FRONT: decide} if decide is not None else {}
    decision = dict(asked.attempts(rows, lambda _, row: row(analysis))).get(FRONT)
    front = {FRONT: decision.figure} if decision is not None and decision.figure is not None else {}
    card = write_chapter(Section(FRONT, figures=front), analysis, folder)
    card.errors, card.tracebacks = asked.errors + card.errors, asked.tracebacks + card.tracebacks
    return decision, card


def _pointers(drawings: Sequence[Drawing]) -> dict[str, Any]:
    """The points of all drawings for the page's script: `runs` holds each text and link once, and `points`, by the
    drawing's name, rows of left, top and the number of a run."""
    runs: dict[tuple[str, str], int] = {}
    points = {
        drawing.name: [
            (point.left, point.top, runs.setdefault((point.text, point.link), len(runs))) for point in drawing.points
        ]
        for drawing in drawings
    }
    return {"points": points, "runs": list(runs)}


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
    write_table(table, folder / "tables" / "findings.csv")


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


def _as_markdown(words: str) -> Markup:
    return Markup(markdown(words))


def _environment(safe: Callable[[str], str]) -> Environment:
    """Templates in which every text is made safe on its way out; Jinja then escapes what is HTML in it."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=lambda value: safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": text.cell, "fenced": text.fenced, "web": text.web}
    return environment

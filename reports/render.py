"""A report as Markdown, as one self-contained page, and as files: every part in its place, a broken one as a card."""

import base64
import json
import pickle
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from reports.advice import health, next_steps
from reports.claims import claims
from reports.finding import Finding
from reports.frames import MARKS, Study
from reports.plots import PLOTS
from reports.tables import TABLES
from study.tracking.store import UI_ADDRESS

DPI = 150
# Figures that need no surrogate, which only the process that makes the claims has at hand.
APART = frozenset({"lead", "ablation", "learning_curves", "cost", "budget", "confusion", "mistakes"})


class Section(NamedTuple):
    """A part of the report: the claims, figures and tables that answer its title, by their registries' names."""

    title: str
    claims: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    nothing: str = ""


SECTIONS = (
    Section(
        "Which configuration to use",
        ("lead", "noise"),
        ("lead",),
        ("finalists",),
        "Nothing was confirmed on the test set, so no configuration can be recommended yet.",
    ),
    Section(
        "Which hyperparameters matter",
        ("influence", "interaction", "scaling", "boundary", "default"),
        ("importance", "effects", "pair"),
        ("importance", "defaults", "best_by_level"),
        "No trial is finished yet.",
    ),
    Section(
        "What experiments say",
        ("experiment",),
        ("ablation",),
        ("hypotheses",),
        "There is nothing to compare: no winner was confirmed, or it is the default.",
    ),
    Section(
        "Where training breaks",
        ("failure",),
        ("lr_and_batch_size",),
        ("failures", "limits"),
        "No trial is finished yet.",
    ),
    Section(
        "What the winner gets wrong",
        (),
        ("confusion", "mistakes"),
        ("classes",),
        "No winner has met the test pictures yet.",
    ),
    Section(
        "How it learns, and what it costs",
        ("pruning",),
        ("learning_curves", "cost", "budget"),
        ("early_ranking",),
        "No trial is complete yet.",
    ),
)

RECIPES_QUESTION = (
    "Do published recipes give what their tutorials say? Each is trained as its tutorial fixes it, over several seeds, "
    "on all training pictures, and meets the test pictures after every epoch; nothing is chosen by them."
)
RECIPE_SECTIONS = (
    Section(
        "Published and reproduced",
        ("recipe",),
        ("recipes",),
        ("recipes",),
        "No recipe is finished yet.",
    ),
)


class Drawing(NamedTuple):
    name: str
    caption: str
    png: str  # base64


class Sheet(NamedTuple):
    name: str
    caption: str
    frame: pd.DataFrame


class Part(NamedTuple):
    """A section with its content; `errors` tells what could not be made."""

    title: str
    anchor: str
    findings: list[Finding]
    figures: list[Drawing]
    tables: list[Sheet]
    errors: list[str]
    nothing: str


def write_report(study: Study, folder: Path, helper: Executor | None = None) -> None:
    """Write `README.md`, `report.html`, `findings.json`, `figures/` and `tables/` into the folder.

    A `helper`, if there is one, draws some of the figures meanwhile.
    """
    for name in ("figures", "tables"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    sections = SECTIONS if study.searched else RECIPE_SECTIONS
    apart = [name for section in sections for name in section.plots if name in APART]
    sent = pickle.dumps(study)  # an executor pickles in a thread of its own, while this one computes on the study
    drawn = {name: helper.submit(_drawing_apart, name, sent, folder) for name in apart} if helper else {}
    parts = [_part(section, study, folder, drawn) for section in sections]
    appendix, _ = _attempt(lambda: _sheet("trials", study, folder))
    _attempt(lambda: _sheet("findings", study, folder))
    checks, check_error = _attempt(lambda: health(study) if study.searched else [])
    steps, step_error = _attempt(lambda: next_steps(study) if study.searched else [])
    content = {
        "study": study,
        "local": study.link.startswith(UI_ADDRESS),
        "parts": parts,
        "checks": checks or [],
        "check_error": check_error,
        "steps": steps or [],
        "step_error": step_error,
        "appendix": appendix,
        "space": study.space,
        "made_with": _made_with(study),
        "RECIPES_QUESTION": RECIPES_QUESTION,
    }
    made = [finding for part in parts for finding in part.findings]
    (folder / "findings.json").write_text(json.dumps([finding._asdict() for finding in made], indent=2))
    for template, name in (("report.md", "README.md"), ("report.html", "report.html")):
        (folder / name).write_text(_environment().get_template(template).render(content), encoding="utf-8")


def _made_with(study: Study) -> str:
    """Code and libraries of the runs, those of the latest where they differ."""
    commits, versions = (study.runs[name].dropna() for name in MARKS[::-1])
    libraries = json.loads(versions.iloc[-1]) if len(versions) else {}
    words = [f"{name} {version}" for name, version in libraries.items()]
    shown = [f"commit {re.sub(r'[0-9a-f]{40}', lambda found: found[0][:12], text)}" for text in commits.iloc[-1:]]
    return ", ".join([*words, *shown]) or "versions unknown"


def _part(section: Section, study: Study, folder: Path, drawn: Mapping[str, Future[Drawing | None]]) -> Part:
    errors: list[str] = []

    def all_of(names: tuple[str, ...], make: Callable[[str], Any]) -> list[Any]:
        made = []
        for name in names:
            result, error = _attempt(lambda name=name: make(name))
            errors.extend([f"{name}: {error}"] if error else [])
            made.extend([result] if result is not None else [])
        return made

    claimed = [finding for made in all_of(section.claims, lambda name: claims(name, study)) for finding in made]
    figures = all_of(
        section.plots, lambda name: drawn[name].result() if name in drawn else _drawing(name, study, folder)
    )
    tables = all_of(section.tables, lambda name: _sheet(name, study, folder))
    anchor = section.title.lower().replace(" ", "-").replace(",", "")
    empty = not (claimed or figures or tables or errors)
    return Part(section.title, anchor, claimed, figures, tables, errors, section.nothing if empty else "")


def _attempt(make: Callable[[], Any]) -> tuple[Any, str | None]:
    """What `make` returns, or the one line that says why a part of the report is missing."""
    try:
        return make(), None
    except Exception as error:  # whatever it is, the rest of the report still appears
        return None, f"{type(error).__name__}: {error}"


def _drawing_apart(name: str, study: bytes, folder: Path) -> Drawing | None:
    return _drawing(name, pickle.loads(study), folder)


def _drawing(name: str, study: Study, folder: Path) -> Drawing | None:
    figure = PLOTS[name](study)
    if figure is None:
        return None
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine(None)  # it is laid out: each format would do it again
    for kind in ("svg", "png"):
        figure.savefig(folder / "figures" / f"{name}.{kind}", dpi=DPI)
    png = (folder / "figures" / f"{name}.png").read_bytes()
    return Drawing(name, _caption(PLOTS[name]), base64.b64encode(png).decode())


def _sheet(name: str, study: Study, folder: Path) -> Sheet | None:
    frame = TABLES[name](study)
    if frame.empty:
        return None
    frame.to_csv(folder / "tables" / f"{name}.csv", index=False)
    return Sheet(name, _caption(TABLES[name]), frame)


def _caption(function: Callable[..., Any]) -> str:
    return " ".join((function.__doc__ or "").split())


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "_templates"),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": _cell, "md": _markdown, "fenced": _fenced}
    return environment


def _cell(value: Any) -> str:
    """A value as a table shows it: four significant digits, a dash for what is not there."""
    if value is None or (isinstance(value, float) and value != value):
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) >= 10 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _fenced(text: Any) -> str:
    """Text on one line that cannot end the fence around it."""
    return " ".join(str(text).splitlines()).replace("```", "` ` `")


def _markdown(text: Any) -> Markup:
    """Text from a tracker, with what Markdown or HTML would take for its own made plain."""
    plain = " ".join(str(text).splitlines()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for character in "\\`*_[]|":
        plain = plain.replace(character, "\\" + character)
    return Markup(plain)

"""Reports of studies in which every name is hostile: nothing runs, and nothing is written elsewhere."""

import csv
from dataclasses import replace
from itertools import cycle, islice
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.frames import Answers
from hyperstudy.reports.page.render import write_report
from hyperstudy.reports.sections import outline
from hyperstudy.reports.sections.decision import decision
from hyperstudy.reports.sources.trials import Found, study_of
from hyperstudy.study.core.text import FORMULA, printable
from hyperstudy.study.outputs.objective import Objective
from tests.hostile import PAYLOADS, RUN, Page
from tests.reports.browser import open_page
from tests.reports.planted import peak, planted, with_confirmation

EVIL = [text for name, text in PAYLOADS.items() if name != "undecodable"]  # which no store and no frame takes
TRIALS = 48
pytestmark = pytest.mark.filterwarnings("ignore:Glyph", "ignore:constrained_layout not applied")


def theirs():
    """Trials of another tool, whose hyperparameters, options, metric and runs have such names."""
    rng = np.random.default_rng(0)
    names = [PAYLOADS[name] for name in ("script", "block", "mathematics", "formula", "table")]
    params = pd.DataFrame({name: rng.uniform(0.1, 1, TRIALS) for name in names})
    for start in (0, 13):
        options = EVIL[start : start + 13]
        params[f"{PAYLOADS['handler']}{start}"] = list(islice(cycle(options), TRIALS))
    run_names = [f"{name}{number}" for number, name in enumerate(islice(cycle(EVIL), TRIALS))]
    trials = pd.DataFrame({"run_id": run_names, "name": run_names, "trial": range(TRIALS), "state": "complete"})
    trials["link"] = [f"http://127.0.0.1:9/{name}" for name in run_names]
    trials = trials.assign(objective=params[names[0]] * 3 + params[names[1]], seconds=rng.uniform(1, 9, TRIALS))
    objective = Objective(PAYLOADS["link"], False, PAYLOADS["handler"])
    return study_of(Found("../../" + PAYLOADS["script"], EVIL[1], trials, params, objective, True, tuple(EVIL)))


def ours():
    """A study of this project whose classes, runs and tags have such names."""
    study = with_confirmation(planted(0, peak), 0.02, 0.01, 5, np.random.default_rng(0))
    names = list(islice(cycle(EVIL), len(study.runs)))
    said = " ".join(EVIL)
    tags = {f"study.{name}": said for name in ("dataset", "model", "hardware", "sampler", "pruner", "file")}
    study.space["lr"] = study.space["lr"]._replace(unit=said)
    classes = EVIL[:18]
    picture = np.zeros((len(classes), 1, 4, 4), dtype=np.uint8)
    labels = np.arange(len(classes))
    wrong = {"pictures": picture, "true": labels, "predicted": labels[::-1], "probability": np.ones(len(classes))}
    answers = Answers(classes, np.eye(len(classes), dtype=int) * 3 + 1, wrong)
    return replace(study, runs=study.runs.assign(name=names), tags={**study.tags, **tags}, answers=answers)


@pytest.fixture(scope="module", params=[theirs, ours], ids=["theirs", "ours"])
def report(request, tmp_path_factory):
    study = request.param()
    folder = tmp_path_factory.mktemp("reports") / "reports" / "one"
    question, sections = outline(study)
    write_report(Analysis(study), sections, question, folder, decision)
    return folder


def test_every_part_of_the_report_is_there(report):
    assert not (report / "errors.log").exists(), (report / "errors.log").read_text()
    assert list(report.parent.parent.iterdir()) == [report.parent]
    assert list(report.parent.iterdir()) == [report]


def test_the_page_holds_its_own_script_alone(report):
    page = Page((report / "report.html").read_text(encoding="utf-8"))
    links = [link for link in page.active if link.startswith("http://127.0.0.1:9/")]
    assert [item for item in page.active if item not in links] == ["script"]
    assert page.text == printable(page.text)


def test_the_markdown_shows_no_element_of_theirs(report):
    text = (report / "README.md").read_text(encoding="utf-8")
    page = Page(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))
    assert [item for item in page.active if not item.startswith("http://127.0.0.1:9/")] == []
    pictures = [attributes["src"] for tag, attributes in page.elements if tag == "img"]
    assert all((report / source).is_file() for source in pictures)
    assert not {"s", "hr", "h3"} & {tag for tag, _ in page.elements}
    assert text == printable(text)


def test_no_cell_is_a_formula(report):
    for path in (report / "tables").glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            assert [cell for row in csv.reader(file) for cell in row if FORMULA.match(cell) and cell[0] != "'"] == []


def test_figures_hold_shapes_and_no_script(report):
    for path in (report / "figures").glob("*.svg"):
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(path).iter()}
        assert not tags & {"script", "a", "foreignObject", "text"}


def test_nothing_runs_in_a_browser(report):
    opened = open_page(report / "report.html")
    assert "<title>ran</title>" not in opened
    assert "<svg" not in opened
    assert "<button>" in opened, "its own script has run"


def test_a_script_that_were_in_the_page_would_not_run(report):
    """The page's policy knows the digest of its own script, and runs no other."""
    page = (report / "report.html").read_text(encoding="utf-8")
    planted_in = report / "planted.html"
    planted_in.write_text(page.replace("</h1>", f"</h1><script>{RUN}</script>{PAYLOADS['handler'][2:]}", 1))
    try:
        assert "<title>ran</title>" not in open_page(planted_in)
        planted_in.write_text(planted_in.read_text().replace("http-equiv", "name"))
        assert "<title>ran</title>" in open_page(planted_in), "the payload works"
    finally:
        planted_in.unlink()

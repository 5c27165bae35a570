"""The page around the findings: the decision on top, tables that fold and sort, and the script for the pointer."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.page.points import pointed
from hyperstudy.reports.page.render import write_report
from hyperstudy.reports.page.section import Decision, Finding, Section
from hyperstudy.reports.page.style import canvas
from tests.reports.browser import in_browser
from tests.reports.planted import peak, planted

EVIL = "<img src=x onerror=alert(1)>'\"|`x`"
SAFE = "http://x/%3Cimg%20src=x%20onerror=alert%281%29%3E%27%22%7C%60x%60"
STUDY = planted(0, peak, 12)


def scatter(analysis):
    """Accuracy by lr."""
    figure, axes = canvas(3.0)
    runs = analysis.study.trials
    axes.scatter(runs.lr, runs.objective)
    axes.set_xscale("log")
    pointed(axes, analysis.study, runs, runs.lr, runs.objective)
    return figure


def broken(_):
    """A figure that fails."""
    raise ZeroDivisionError("by the way")


DECISION = Decision(
    "Use lr = 0.0031: 98.3% on the test set.",
    (("Not told apart", "the runner-up"), ("Leave alone", "depth")),
    "python -m study.ablate --study planted",
    scatter,
)


def written(folder, sections=(), decision=None, study=STUDY):
    write_report(Analysis(study), sections, "What is best?", folder, decision and (lambda _: decision))
    return (folder / "README.md").read_text(), (folder / "report.html").read_text()


def test_the_decision_comes_first_with_its_figure_and_command(tmp_path):
    section = Section("Which configuration to use", nothing="Nothing.")
    text, page = written(tmp_path, [section], DECISION)
    parts = [DECISION.sentence, "Not told apart", "the runner-up", "Leave alone", "python -m study.ablate"]
    parts += ["What is best?", "Which configuration to use", "Nothing."]
    for found in (text, page):
        places = [found.index(part) for part in parts]
        assert places == sorted(places)
    assert text.index("figures/decision.png") < text.index("What is best?")
    assert page.index("Accuracy by lr.") < page.index("What is best?")
    assert (tmp_path / "figures" / "decision.svg").exists()


def test_without_a_decision_there_is_no_card(tmp_path):
    written(tmp_path, decision=DECISION)
    text, page = written(tmp_path)
    assert 'class="card"' not in page
    assert text.startswith("# planted: findings\n\nWhat is best?")
    assert not list((tmp_path / "figures").iterdir()), "an earlier report's card has gone"


def test_a_decision_whose_figure_fails_still_decides(tmp_path):
    text, page = written(tmp_path, decision=DECISION._replace(figure=broken))
    for found in (text, page):
        assert DECISION.sentence in found
        assert "This part failed: decision: ZeroDivisionError: by the way" in found
    assert "by the way" in (tmp_path / "errors.log").read_text()


class Reader(HTMLParser):
    """All attributes of a page, and its text."""

    def __init__(self):
        super().__init__()
        self.attributes, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def test_text_of_a_decision_and_of_points_is_escaped(tmp_path):
    study = planted(0, peak, 12)
    study.runs["name"] = EVIL
    study.runs["link"] = f"http://x/{EVIL}"
    text, page = written(tmp_path, [], Decision(EVIL, ((EVIL, EVIL),), EVIL, scatter), study)
    reader = Reader()
    reader.feed(page)
    assert [name for name, _ in reader.attributes if name.startswith("on")] == []
    assert reader.text.count(EVIL) == 4, "sentence, label, text and command are shown as they are"
    runs = json.loads(dict(reader.attributes)["data-runs"])
    assert len(runs) == 12
    assert all(said.startswith(EVIL) and link == SAFE for said, link in runs)
    prose = re.sub(r"^```sh\n.*\n```$", "", text, flags=re.M)
    assert "<img" not in prose


def table(rows):
    def numbers(_):
        """Numbers of many kinds. Each as a report writes it."""
        return pd.DataFrame(rows)

    return numbers


def test_tables_are_folded_but_for_those_that_answer(tmp_path):
    tables = {"folded": table({"a": [1]}), "answer": table({"a": [2]})}
    text, page = written(tmp_path, [Section("A", tables=tables, open_tables={"answer"})])
    for found in (text, page):
        assert re.findall(r"<details( open)?><summary>Numbers of many kinds</summary>", found) == ["", " open"]
        assert found.count("Each as a report writes it.") == 2


def test_a_description_has_no_verdict(tmp_path):
    findings = [Finding("It rains.", "", "", 3, "", []), Finding("It pours.", "", "", 3, "supported", [])]
    text, page = written(tmp_path, [Section("A", claims={"weather": lambda _: findings})])
    assert "- It rains. n = 3.\n" in text
    assert "- It pours. n = 3: *supported*.\n" in text
    assert page.count('class="verdict"') == 1


def test_the_page_asks_nothing_of_any_other_place(tmp_path):
    _, page = written(tmp_path, [Section("A", figures={"scatter": scatter})], DECISION)
    sources = re.findall(r"""(?:src|href)=["']?([^"'#> ]+)""", page)
    assert {source[:10] for source in sources} == {"data:image"}
    found = in_browser(tmp_path / "report.html", "return performance.getEntriesByType('resource').map(e => e.name)")
    assert all(name.startswith("data:") for name in found)


CELLS = {
    "interval": ["[0.2, 0.3]", "[-0.5, 0.1]", None, "[0.03, 0.9]"],
    "share": ["1.2%", "10%", "-3%", ""],
    "count": [1200, 90000, 15, 7],
    "estimate": ["0.9 [0.8, 1]", "0.95", "0.1 [0, 0.2]", "0.2"],
    "small": [1e-5, 0.5, 3e-4, 2.0],
    "word": ["b", "a10", "a9", "C"],
}
ASCENDING = {  # the rows as their numbers say; missing ones come last
    "interval": [1, 3, 0, 2],
    "share": [2, 0, 1, 3],
    "count": [3, 2, 0, 1],
    "estimate": [2, 3, 0, 1],
    "small": [0, 2, 1, 3],
    "word": [2, 1, 0, 3],
}
DESCENDING = {name: rows[::-1] for name, rows in ASCENDING.items()}
DESCENDING |= {"interval": [0, 3, 1, 2], "share": [1, 0, 2, 3]}


def test_a_click_on_a_heading_sorts_by_numbers_and_again_the_other_way(tmp_path):
    written(tmp_path, [Section("A", tables={"numbers": table({"row": range(4)} | CELLS)})])
    script = """
    const rows = () => [...document.querySelectorAll("tbody tr")].map(row => Number(row.cells[0].textContent));
    return [...document.querySelectorAll("th")].slice(1).map(heading => {
        const button = heading.querySelector("button"), seen = [];
        for (let click = 0; click < 2; click++) { button.click(); seen.push(heading.ariaSort, rows()); }
        return seen;
    });"""
    found = dict(zip(CELLS, in_browser(tmp_path / "report.html", script), strict=True))
    expected = {name: ["ascending", ASCENDING[name], "descending", DESCENDING[name]] for name in CELLS}
    assert found == expected


def test_the_nearest_run_answers_to_pointer_and_keys(tmp_path):
    written(tmp_path, [Section("A", figures={"scatter": scatter})])
    script = """
    const plot = document.querySelector("[data-points]"), box = plot.getBoundingClientRect();
    const at = (x, y) => { plot.dispatchEvent(new PointerEvent("pointermove", {
        pointerType: "mouse", clientX: box.left + x * box.width, clientY: box.top + y * box.height }));
        return document.querySelector(".tip")?.textContent; };
    const key = key => { plot.dispatchEvent(new KeyboardEvent("keydown", { key }));
        return document.querySelector(".tip")?.textContent; };
    const near = JSON.parse(plot.dataset.points).map(([left, top]) => at(left / 100 + 0.001, top / 100));
    return { near, far: at(0, 1), keys: [..."rrl"].map(k => key(k == "r" ? "ArrowRight" : "ArrowLeft")),
        gone: key("Escape"), tab: plot.tabIndex };"""
    found = in_browser(tmp_path / "report.html", script)
    runs = STUDY.trials
    names = [text.split(":")[0] for text in found["near"]]
    assert names == list(runs["name"])
    assert all(text.endswith(f": {value:.4f}") for text, value in zip(found["near"], runs.objective, strict=True))
    assert (found.get("far"), found.get("gone"), found["tab"]) == (None, None, 0)
    assert found["keys"][0] == found["keys"][2] != found["keys"][1]


@pytest.mark.parametrize("wide", [1, 40])
def test_a_narrow_page_does_not_scroll_sideways(wide, tmp_path):
    rows = {f"a rather long name of a column {number}": np.arange(3) for number in range(wide)}
    decision = Decision("x" * 300, (("a", "y" * 300),), "z" * 300, scatter)
    written(tmp_path, [Section("A", tables={"wide": table(rows)}, open_tables={"wide"})], decision)
    script = """
    const root = document.documentElement;
    document.body.style.width = "390px";
    return [document.body.scrollWidth, root.scrollWidth - root.clientWidth];"""
    assert in_browser(tmp_path / "report.html", script) == [390, 0]

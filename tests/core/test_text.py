"""Text from outside where it is shown."""

from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from hyperstudy.study.core.text import code, inert, line, literal, markdown, printable, read_inert
from tests.hostile import PAYLOADS, Page

RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def shown(text: str) -> Page:
    return Page(RENDERER.render(text))


@given(st.text())
def test_nothing_printable_acts_on_a_terminal(text):
    kept = "\n\t\u200c\u200d"
    assert all(sign in kept or category(sign) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for sign in printable(text))
    assert "\n" not in line(text)


@pytest.mark.parametrize("text", ["naïve", "\U0001f469\u200d\U0001f4bb", "a\tb\nc", "e\u0301", "世界"])
def test_ordinary_text_stays(text):
    assert printable(text) == text


@given(st.one_of(st.text(), st.text(alphabet="\\`*_[]|~#<>&$!() a-1.\n"), st.sampled_from(list(PAYLOADS.values()))))
def test_markdown_shows_any_text_as_it_is(text):
    page = shown(f"a {markdown(text)} z\n\n| b |\n|---|\n| {markdown(text)} |")
    assert {tag for tag, _ in page.elements} == {"p", "table", "thead", "tbody", "tr", "th", "td"}
    assert " ".join(page.text.split()) == " ".join(f"a {line(text)} z b {line(text)}".split())


@given(st.one_of(st.text(min_size=1), st.sampled_from(list(PAYLOADS.values()))))
def test_code_cannot_end_early(text):
    assert {tag for tag, _ in shown(f"a {code(text)}").elements} <= {"p", "code"}


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", PAYLOADS)
def test_a_figure_draws_any_text_as_it_is(name, tmp_path):
    figure = Figure()
    drawn = figure.text(0, 0, literal(PAYLOADS[name]))
    figure.savefig(tmp_path / "figure.svg")
    assert drawn.get_text().replace(r"\$", "$")[:80] == line(PAYLOADS[name])[:80]


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(1)", "\tx", "+1+cmd|'x'!A0", "-2*HYPERLINK(1)", "'=1", "''@x"])
def test_a_formula_becomes_text(cell):
    assert inert(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-0.5", "+1.2 points", "[-0.5, 0.1]", "'a'", "", "x=1", "relu", "-"])
def test_what_is_no_formula_stays(cell):
    assert inert(cell) == cell


@given(st.text(alphabet="'=+-@|(a1\t"))
def test_a_cell_is_read_as_it_was_written(cell):
    assert read_inert(inert(cell)) == cell

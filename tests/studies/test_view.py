"""What a study prints: any name as it is, and nothing that a terminal would obey."""

import io

import pytest
from rich.table import Table

from hyperstudy.study.core.domains import Choice, Hyperparameter
from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.loops import LOOPS, Loop, LoopConfig
from hyperstudy.study.core.text import line
from hyperstudy.study.outputs.names import COMPLETE, FAILED
from hyperstudy.study.outputs.objective import Objective
from hyperstudy.study.studies.view import LiveView, PlainConsole, View, make_console, make_view
from tests.hostile import PAYLOADS

EVIL = list(PAYLOADS.values())


@pytest.fixture
def config(monkeypatch):
    """A configuration for each name as its value."""
    space = {"kind": Hyperparameter("a text", "a", Choice((*EVIL, "a")))}
    monkeypatch.setitem(LOOPS, "loop", Loop(lambda config, seed: iter(()), space, "error"))
    return lambda text: LoopConfig("loop", kind=text)


def printed(kind: type[View], config: LoopConfig, text: str, terminal: bool) -> str:
    """What a view writes of a trial with this value, and with this reason for another's failure."""
    out = io.StringIO()
    console = PlainConsole(file=out, force_terminal=terminal, width=20_000, height=50)
    with kind(console, ("kind",), Objective(text, False, key="error")) as view:
        view.begin("a study", 2, 0, 1)
        view.started(0, "explore-000", config, text)
        view.epoch(0, Epoch(1, {"error": 0.5}))
        view.refresh()
        view.finished(view.ended(0), COMPLETE, 0.5)
        view.started(0, "explore-001", config)
        view.note(f"explore-001 failed: {text}")
        view.finished(view.ended(0), FAILED, None)
        view.refresh()
        table = Table(box=None)
        table.add_column(text)
        table.add_row(text)
        console.print(table)
    return out.getvalue()


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_log_shows_any_name_as_it_is(name, config):
    text = PAYLOADS[name]
    shown = printed(View, config(text), text, terminal=False)
    assert f"kind={line(text)}" in shown
    assert all(sign.isprintable() or sign in "\n\u200d" for sign in shown)


@pytest.mark.parametrize("name", ["markup", "colour", "control", "direction"])
def test_a_panel_in_a_terminal_holds_no_code_of_theirs(name, config):
    text = PAYLOADS[name]
    shown = printed(LiveView, config(text), text, terminal=True)
    assert f"kind={line(text)}" in shown
    codes = ("\x1b[31m", "\x1b]8;;", "\x07", "\x08", "\x9b", "\u202e", "\u2066")
    assert [code for code in codes if code in shown] == []


@pytest.mark.parametrize(
    ("kind", "terminal", "view"), [("xterm", True, LiveView), ("dumb", True, View), ("", False, View)]
)
def test_the_panel_is_for_terminals_that_can_redraw(kind, terminal, view, monkeypatch):
    monkeypatch.setenv("TERM", kind)
    assert type(make_view(PlainConsole(file=io.StringIO(), force_terminal=terminal), ())) is view


@pytest.mark.parametrize("columns", ["0", ""])
def test_a_table_is_shown_where_the_environment_leaves_no_column(columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", columns)
    make_console().print("a line of words " * 9)
    assert capsys.readouterr().out.count("\n") == 1

"""A study's description, which MLflow's UI renders as Markdown."""

import pytest
from markdown_it import MarkdownIt

from hyperstudy.study.core.domains import Choice, Hyperparameter, Range
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.loops import LOOPS, Loop
from hyperstudy.study.core.plan import make_loop_plan
from hyperstudy.study.core.text import is_name, line
from hyperstudy.study.studies.description import note, tags
from hyperstudy.study.studies.options import parse_options
from hyperstudy.study.tasks.loop import LoopTask
from tests.hostile import PAYLOADS, Page


@pytest.mark.parametrize("name", [name for name, text in PAYLOADS.items() if is_name(text)])
def test_a_description_shows_any_name_as_it_is(name, monkeypatch):
    text = PAYLOADS[name]
    space = {
        "kind": Hyperparameter(text, "a", Choice((text, "a")), searched=True),
        "rate": Hyperparameter("a", 0.1, Range(0.1, 1), unit=text, searched=True),
    }
    loop = Loop(lambda config, seed: iter(()), space, "error", unit=text)
    monkeypatch.setitem(LOOPS, text, loop)
    task = LoopTask(text)
    options = parse_options([f"--loop={text}", "--study", "a"])
    plan = make_loop_plan(text, {})
    written = note(options, plan, task, task.objective(None))
    page = Page(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(written))
    assert page.active == []
    known = {"p", "ul", "li", "strong", "code", "table", "thead", "tbody", "tr", "th", "td", "pre"}
    assert {tag for tag, _ in page.elements} <= known
    seen = " ".join(page.text.split())
    for part in (f"loop {text.replace('`', chr(39))}", f"{text}, a", f"0.1 to 1 {text}", f"error ({text})"):
        assert " ".join(line(part).split()) in seen


def test_a_space_that_mlflow_cannot_keep_is_refused(monkeypatch):
    space = {f"h{n}": Hyperparameter("one of many", 0.5, Range(0.1, 1), searched=True) for n in range(300)}
    monkeypatch.setitem(LOOPS, "many", Loop(lambda config, seed: iter(()), space, "error"))
    task, plan = LoopTask("many"), make_loop_plan("many", {})
    with pytest.raises(InputError, match=r"up to 20,000 characters in MLflow; got 301 of"):
        tags(parse_options(["--loop=many", "--study", "a"]), plan, task, task.objective(None))

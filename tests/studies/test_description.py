"""A study's description, which MLflow's UI renders as Markdown."""

import pytest
from markdown_it import MarkdownIt
from mlflow.utils.validation import MAX_EXPERIMENT_TAG_VAL_LENGTH

from hyperstudy.study.core.domains import Choice, Hyperparameter, Range
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.loops import LOOPS, Loop
from hyperstudy.study.core.plan import make_loop_plan
from hyperstudy.study.core.text import is_name, line
from hyperstudy.study.studies.description import describe, note
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


@pytest.mark.parametrize("kind", ["many", "with long values", "with many values"])
def test_a_space_that_mlflow_cannot_keep_is_refused(kind, monkeypatch):
    """As soon as it is too long: half of it fits into what MLflow allows."""
    long, names = ("a" * 100, "b" * 100), tuple(f"a_b_c_{number}" for number in range(40))
    rows = {
        "many": lambda n: Hyperparameter("one of many", 0.5, Range(0.1, 1), searched=True),
        "with long values": lambda n: Hyperparameter("one of many", long[0], Choice(long), searched=True),
        "with many values": lambda n: Hyperparameter("a", "a_b_c_0", Choice(names), searched=True),
    }
    count = {"many": 300, "with long values": 60, "with many values": 40}[kind]

    def described(space):
        monkeypatch.setitem(LOOPS, "many", Loop(lambda config, seed: iter(()), space, "error"))
        task, plan = LoopTask("many"), make_loop_plan("many", {})
        options = parse_options(["--loop=many", "--study", "a"])
        return describe(options, plan, task, task.objective(None))

    space = {f"h{n}": rows[kind](n) for n in range(count)}
    with pytest.raises(InputError, match=r"up to 19,000 characters in MLflow; got \d+ of"):
        described(space)
    about, kept = described({name: space[name] for name in list(space)[: count // 2]})
    assert max(map(len, (about, *kept.values()))) < MAX_EXPERIMENT_TAG_VAL_LENGTH

"""Whatever is given ends in a result or in one line: command lines, tables of trials, files of a user's own.

`EXAMPLES=5000 python -m pytest tests/test_any_input.py` tries more of each.
"""

import contextlib
import io
import os
import random
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hyperstudy.models import MODELS
from hyperstudy.reports.compare import main as compare
from hyperstudy.reports.findings import main as findings
from hyperstudy.reports.sources.table import from_table
from hyperstudy.study.ablate import main as ablate
from hyperstudy.study.core.config import HYPERPARAMETERS
from hyperstudy.study.core.data.datasets import DATASETS
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.own import load_own, read_own
from hyperstudy.study.core.plan import make_plan
from hyperstudy.study.export import main as export
from hyperstudy.study.predict import main as predict
from hyperstudy.study.rerun import main as rerun
from hyperstudy.study.search.design import explore_design
from hyperstudy.study.search.samplers import PRUNERS, SAMPLERS
from hyperstudy.study.studies.options import parse_options
from tests.conftest import ROOT, same_registries

MANY = int(os.environ.get("EXAMPLES", "150"))
any_number_of = settings(
    max_examples=MANY, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

NAMES = [*HYPERPARAMETERS, "trials", "study", "dataset", "model", "sampler", "pruner", "workers", "confirm-seeds"]
NAMES += ["objective", "after", "loop", "device", "cluster", "cpus-per-trial", "data-dir", "tracking-uri", "lrr", ""]
ODD = ["1e400", "-0", "0x10", "1_000", "\u0663", "1e-320", "nan", "inf", "1,5", "9" * 400, "--", "1e", ".", ""]
WORDS = [*MODELS, *DATASETS, *SAMPLERS, *PRUNERS, "relu", "adam", "none", "folder:", "folder:~x/y", "a/b", "..", "~"]
numbers = st.one_of(st.integers().map(str), st.floats().map(repr), st.sampled_from(ODD))
value = st.one_of(numbers, st.sampled_from(WORDS), st.text(max_size=12))
values = st.one_of(
    value,
    st.lists(value, min_size=2, max_size=4).map(",".join),
    st.lists(value, min_size=2, max_size=3).map(":".join),
)
flags = st.sampled_from(NAMES).map(lambda name: "--" + name.replace("_", "-"))
pairs = st.tuples(flags, values)
lines = st.lists(
    st.one_of(pairs.map(list), pairs.map(lambda pair: ["=".join(pair)]), value.map(lambda one: [one])), max_size=4
).map(lambda parts: [word for part in parts for word in part])


def refused(call) -> bool:
    """Whether the call raises `InputError`, whose text must be one line that can be read."""
    said = []
    try:
        call()
    except InputError as error:
        said = [str(error)]
    assert all(map(is_line, said))
    return bool(said)


def is_line(text: str) -> bool:
    return bool(text.strip()) and len(text.splitlines()) == 1 and len(text) < 2000


def planned(line):
    """The plan of a command line; None where it asks for help."""
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            options = parse_options(line)
        except SystemExit:
            return None
    return make_plan(options.dataset, options.model, options.given)


@any_number_of
@given(lines)
@example(["--lr", "1e-3:1.0000000000000002e-3"])
@example(["--width=--"])
def test_a_command_line_is_a_plan_within_its_limits_or_one_line(line):
    plans = []
    if refused(lambda: plans.append(planned(line))):
        return
    if plans == [None]:
        assert {"-h", "--help"} & set(line)
        return
    (plan,) = plans
    for point in explore_design(plan.space, 4, 0):
        config = plan.config(point)
        assert all(getattr(config, name) in domain for name, domain in plan.space.items())


READERS = {
    **{"findings": findings, "compare": compare, "ablate": ablate},
    **{"predict": predict, "export": export, "rerun": rerun},
}
ASKED = ["study", "csv", "optuna", "experiment", "objective", "folder", "minimize", "random", "to", "seeds", "help"]
GIVEN = ["digits-cnn", "a b", "nowhere.csv", "sqlite://", "sqlite:///x/y.db", "\n"]
asked = st.sampled_from([f"--{name}" for name in ASKED])
harmless = st.one_of(numbers, st.sampled_from(GIVEN))


@any_number_of
@given(st.sampled_from(sorted(READERS)), st.lists(st.one_of(asked, harmless), max_size=5))
def test_a_command_without_a_store_writes_nothing_and_says_why_in_one_line(tmp_path, monkeypatch, name, line):
    monkeypatch.chdir(tmp_path)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = READERS[name](line)
        except SystemExit as error:
            code = error.code
    assert (code == 0 and "--help" in line) or (code == 2 and is_line(err.getvalue())), (name, line, err.getvalue())
    assert list(tmp_path.iterdir()) == []


CELLS = ["relu", "tanh", "COMPLETE", "FAIL", "RUNNING", "True", ""]
COLUMNS = ["value", "number", "state", "duration", "params_lr", "params_act", "lr", "seed", "objective", "name"]
cells = st.one_of(numbers, st.sampled_from(CELLS), st.text(max_size=8))
columns = st.one_of(st.sampled_from(COLUMNS), st.text(max_size=8))


@st.composite
def tables(draw):
    """Text that is nearly a table of trials."""
    head = draw(st.lists(columns, min_size=1, max_size=5))
    kinds = [draw(st.sampled_from(["number", "choice", "same", "any"])) for _ in head]
    order = random.Random(draw(st.integers(0, 2**16)))
    rows = []
    for _ in range(draw(st.integers(0, 14))):
        made = {"number": f"{order.random():.6g}", "choice": order.choice("abc"), "same": "1", "any": ""}
        rows.append([made[kind] if kind != "any" else draw(cells) for kind in kinds])
    text = draw(st.sampled_from([",", ";", "\t"])).join
    lines = [text(head), *map(text, rows)]
    content = draw(st.sampled_from(["\n", "\r\n"])).join(lines).encode("utf-8", "surrogatepass")
    cut = draw(st.integers(0, len(content)))
    return content if draw(st.booleans()) else content[:cut] + draw(st.binary(max_size=3)) + content[cut + 1 :]


@any_number_of
@given(tables(), st.sampled_from([None, "value", "lr"]), st.sampled_from([None, True, False]))
def test_a_table_of_trials_is_a_study_or_one_line(tmp_path, content, metric, maximize):
    file = tmp_path / "trials.csv"
    file.write_bytes(content)
    studies = []
    if refused(lambda: studies.append(from_table(file, metric, maximize, False))):
        return
    (study,) = studies
    searched = [name for name, row in study.space.items() if row.domain is not None]
    assert searched
    for name in searched:
        assert study.runs[name].notna().all()
    known = study.runs.objective.dropna()
    assert np.isfinite(known.to_numpy()).all()


README = (ROOT / "README.md").read_text()
OWN = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if 'MODELS["patchnet"]' in block)
tokens = re.findall(r"\w+|\s+|[^\w\s]", OWN)


@st.composite
def scripts(draw):
    """The README's file with a few of its words exchanged, lost or doubled."""
    order, text = random.Random(draw(st.integers(0, 2**32))), list(tokens)
    for _ in range(draw(st.integers(1, 3))):
        at = order.randrange(len(text))
        text[at] = order.choice(["", text[at] * 2, order.choice(tokens), "None", "0", "-1", "'x'", "\x00", "é"])
    return "".join(text)


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@any_number_of
@given(scripts())
def test_a_file_of_a_user_s_own_is_loaded_or_refused_in_one_line(tmp_path, script):
    file = tmp_path / "mine.py"
    file.write_text(script)

    def used():
        load_own(read_own(file))
        planned(["--model", "patchnet"])

    with same_registries():
        refused(used)


def test_the_command_lines_that_are_tried_are_of_both_kinds():
    """The strategy also makes what is accepted: else the first test would say little."""
    accepted = 0

    @settings(max_examples=60, database=None)
    @given(lines)
    def count(line):
        nonlocal accepted
        accepted += not refused(lambda: planned(line))

    count()
    assert 0 < accepted < 60

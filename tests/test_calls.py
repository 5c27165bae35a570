"""A study from Python: the README's lines, the objects that `hyperstudy.run` takes, and what it refuses."""

import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hyperstudy.__main__ import COMMANDS
from tests.conftest import ROOT, environment, python, trial_runs

README = (ROOT / "README.md").read_text()
EXAMPLE = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "hs.run(" in block)
SHORT = "trials=6, epochs=1, confirm_seeds=2, workers=1"


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The README's lines as a script, shortened, in a folder with a `models` of the user's own."""
    folder = tmp_path_factory.mktemp("script")
    (folder / "models").mkdir()
    (folder / "models" / "__init__.py").write_text("raise SystemExit('not ours')")
    assert "trials=50" in EXAMPLE
    (folder / "script.py").write_text(EXAMPLE.replace("trials=50", SHORT) + CHECKS)
    return python("script.py", cwd=folder), folder


CHECKS = """
assert study.complete
assert len(study.trials[study.trials.phase.isin(("explore", "search"))]) == 6
assert set(study.trials.activation.dropna()) <= {"relu", "tanh"}
assert study.winner["activation"] in ("relu", "tanh")
assert "Use " in study._repr_html_()
assert "<iframe" in report._repr_html_()
assert probabilities.shape[1] == 10
assert abs(probabilities.sum(axis=1) - 1).max() < 1e-5
print("checked")
"""


def test_the_readme_s_lines_run_without_a_guard_and_give_what_they_say(example):
    done, folder = example
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("checked")
    assert done.stdout.count("explore-000") == 1, "the script was run once"
    assert list(folder.glob("mlruns/reports/*/report.html"))


def test_they_are_about_ten_lines():
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 16


def test_the_command_knows_every_command_and_puts_no_folder_of_the_user_first(tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "__init__.py").write_text("raise SystemExit('not ours')")
    modules = {f"{part}.{path.stem}" for part in ("study", "reports") for path in (ROOT / part).glob("*.py")}
    assert set(COMMANDS.values()) == {module for module in modules if "def main(" in source(module)}
    command = [Path(sys.executable).parent / "hyperstudy"]
    shown, wrong = (run([*command, *words], tmp_path) for words in (["run", "--help"], ["runn"]))
    assert shown.stdout.startswith("usage: python -m study.run"), shown.stderr
    assert wrong.returncode == 2
    assert "command must be one of 'run', " in wrong.stderr
    assert "did you mean 'run'" in wrong.stderr


def source(module):
    return (ROOT / f"{module.replace('.', '/')}.py").read_text()


def run(words, folder):
    return subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True, timeout=100)


REFUSED = {
    "lambda shape, classes: nn.Flatten()": "must give logits of 4x10",
    "'cnn', lr='x'": "lr must be a number, low:high or a,b,c; got 'x'",
    "3": "a Family or its name must be given; got int",
    "'cnn', 'nope'": "dataset must be one of",
    "'cnn', oops=3": "option must be one of .* got '--oops'",
    "lambda shape, classes, q: nn.Flatten()": "takes 'q', which is no hyperparameter yet",
}


def test_what_cannot_be_used_is_one_line_and_leaves_nothing(tmp_path):
    attempts = [
        f"try:\n    hs.run({words}, trials=2)\nexcept hs.InputError as error:\n    print(error)" for words in REFUSED
    ]
    (tmp_path / "script.py").write_text("\n".join(["import hyperstudy as hs", "from torch import nn", *attempts]))
    done = python("script.py", cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert len(lines) == len(REFUSED), done.stdout + done.stderr
    for line, message in zip(lines, REFUSED.values(), strict=True):
        assert re.search(message, line)
    assert not (tmp_path / "mlruns").exists()


def test_a_study_ends_with_the_script_that_started_it_however_that_one_ends(tmp_path):
    (tmp_path / "script.py").write_text('import hyperstudy as hs\n\nhs.run("softmax", trials=500, workers=1)\n')
    words = [sys.executable, "script.py"]
    with subprocess.Popen(words, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True) as script:
        next(line for line in script.stdout if "explore-000" in line)
        children = psutil.Process(script.pid).children(recursive=True)
        assert len(children) > 1
        script.kill()
    assert psutil.wait_procs(children, timeout=60)[1] == []
    assert "RUNNING" not in {run.status for run in trial_runs(tmp_path, "digits-softmax")}

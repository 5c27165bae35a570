"""Nobody reads what is printed: nothing is said about it, and nothing is lost."""

import shlex
import subprocess
import sys

import pytest

from hyperstudy.__main__ import COMMANDS
from tests.conftest import environment, trial_runs

TALKATIVE = """
import hyperstudy as hs


def train(config, seed):
    for number in range(3):
        print("x" * 9999, flush=True)
        yield {"score": config.x}


space = {"x": hs.Hyperparameter("x", 0.5, hs.Range(0.0, 1.0), (0, 1), searched=True)}
hs.LOOPS["talk"] = hs.Loop(train, space, objective="score")
"""


def unread(words, place, folder):
    """Run a command whose output goes to a place that takes none of it."""
    command = f"set -o pipefail; {shlex.join([sys.executable, '-m', *words])} {place}"
    return subprocess.run(["bash", "-c", command], cwd=folder, env=environment(), capture_output=True, text=True)


@pytest.mark.parametrize("place", ["| true", ">&-", "> /dev/full"])
@pytest.mark.parametrize("words", [["hyperstudy"], ["study.run", "--help"]])
def test_help_that_nobody_reads_is_no_error(words, place, tmp_path):
    done = unread(words, place, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("place", ["| head -c 1 > head.txt", ">&-"])
def test_a_study_that_nobody_reads_comes_to_its_end(place, tmp_path):
    (tmp_path / "talk.py").write_text(TALKATIVE)
    words = ["study.run", "--from", "talk.py", "--loop", "talk", "--study", "talk", "--trials", "2", "--workers", "1"]
    done = unread([*words, "--confirm-seeds", "0"], place, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [run.state for run in trial_runs(tmp_path, "talk")] == ["complete"] * 2


@pytest.mark.parametrize("place", [">&- 2>&-", "> /dev/full 2> /dev/full"])
def test_bad_input_is_told_by_the_exit_code_alone_where_nothing_can_be_written(place, tmp_path):
    assert unread(["study.run", "--trials", "0"], place, tmp_path).returncode == 2


@pytest.mark.parametrize("name", COMMANDS.values())
def test_a_working_directory_that_was_removed_is_one_line(name, tmp_path):
    command = f"mkdir gone && cd gone && rmdir ../gone && {sys.executable} -m {name} 2"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    told = done.stdout + done.stderr
    assert (done.returncode, told.count("\n")) == (2, 1), told
    assert told.startswith(f"{name}: the working directory must be there (No such file")


def test_characters_that_a_terminal_lacks_become_question_marks(tmp_path):
    (tmp_path / "talk.py").write_text(TALKATIVE.replace('"x" * 9999', '"\\u2713"'))
    words = ["study.run", "--from", "talk.py", "--loop", "talk", "--trials", "2", "--workers", "1"]
    words = [sys.executable, "-m", *words, "--confirm-seeds", "0"]
    variables = {**environment(), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\n?\n" in done.stdout

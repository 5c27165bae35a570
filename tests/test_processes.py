"""Where workers come from."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from study.errors import InputError
from study.plan import make_plan, read_splits
from study.processes import beside
from tests.conftest import environment
from tests.test_study import RUN


def test_pictures_read_beside_are_those_read_here(digits):
    read = beside(read_splits, make_plan("digits", "mlp", {}), Path("data")).result(120)
    assert read.digest == digits.digest
    assert read.train.images.equal(digits.train.images)


def test_what_is_raised_beside_is_raised_here():
    plan = make_plan("folder:nowhere", "mlp", {})
    with pytest.raises(InputError, match="nowhere"):
        beside(read_splits, plan, Path("data")).result(120)


def test_a_process_that_dies_says_so():
    with pytest.raises(RuntimeError, match="killed ended with -9"):
        beside(killed).result(120)


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_an_interrupt_while_it_starts_leaves_neither_word_nor_store(seconds, tmp_path):
    words = {"cwd": tmp_path, "env": environment(), "start_new_session": True, "text": True}
    study = subprocess.Popen(RUN, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **words)
    time.sleep(seconds)
    os.killpg(study.pid, signal.SIGINT)
    printed = "".join(study.communicate(timeout=60))
    assert study.returncode == 130
    assert "Traceback" not in printed
    assert not list(tmp_path.iterdir())

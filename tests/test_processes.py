"""Where workers come from."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from study.core.errors import InputError
from study.core.plan import make_plan, read_splits
from study.workers.processes import beside
from tests.conftest import environment, python
from tests.test_study import RUN, wait_for


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


SLEEPER = """
import sys, tempfile, time
from study.workers.processes import beside

def sleep_in_a_folder(root):
    with tempfile.TemporaryDirectory(dir=root):
        time.sleep(600)

if __name__ == "__main__":
    beside(sleep_in_a_folder, sys.argv[1]).result()
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_is_done_beside_is_tidied_up_however_the_driver_ends(how, tmp_path):
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    (root := tmp_path / "root").mkdir()
    words = [sys.executable, str(tmp_path / "sleeper.py"), str(root)]
    driver = subprocess.Popen(words, env=environment(), stderr=subprocess.DEVNULL)
    wait_for(lambda: list(root.iterdir()))
    driver.send_signal(how)
    driver.wait()
    wait_for(lambda: not list(root.iterdir()), 10)


@pytest.mark.parametrize("generation", [1, 2])
def test_an_interrupt_while_it_starts_leaves_neither_word_nor_store(generation, tmp_path):
    """Once there is a fork server, and once that has a child, which reads the pictures."""
    words = {"cwd": tmp_path, "env": environment(), "start_new_session": True, "text": True}
    study = subprocess.Popen(RUN, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **words)
    wait_for(lambda: descendants(psutil.Process(study.pid), generation))
    os.killpg(study.pid, signal.SIGINT)
    printed = "".join(study.communicate(timeout=60))
    assert study.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in printed
    assert not list(tmp_path.iterdir())


def descendants(process, generation):
    """Its children, or their children, beside Python's resource tracker."""
    found = []
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has ended since
            if "resource_tracker" not in " ".join(child.cmdline()):
                found += [child] * (len(child.parents()) - len(process.parents()) == generation)
    return found


STOP = """
import os, signal, sys
from study.workers.processes import heed, held, stoppable

class Swallows:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000):
            pass

try:
    with stoppable():
        if sys.argv[1] == "held":
            with held():
                os.kill(os.getpid(), signal.SIGINT)
                print("done")
        else:
            Swallows()
            heed()
    print("not stopped")
except KeyboardInterrupt:
    print("stopped")
"""


def test_what_is_held_is_done_before_a_request_to_stop_is_heeded(tmp_path):
    assert python("-c", STOP, "held", cwd=tmp_path).stdout == "done\nstopped\n"


def test_a_request_to_stop_that_a_destructor_swallows_is_not_lost(tmp_path):
    done = python("-c", STOP, "swallowed", cwd=tmp_path)
    assert "KeyboardInterrupt" in done.stderr, "Python only tells of it"
    assert done.stdout == "stopped\n"

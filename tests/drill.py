"""Kill a study's driver and workers at random until it has survived so many kills: `python -m tests.drill --kills 20`.

The study has 200 tiny trials. At its end each has exactly one finished run, and no run is still running.
"""

import random
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil

from hyperstudy.study.core.errors import Parser, count, exit_code
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import environment

TRIALS = 200
WORDS = ("--model", "softmax", "--epochs", "3", "--trials", str(TRIALS), "--confirm-seeds", "2")
LONGEST_WAIT = 6.0  # seconds between two kills


def main() -> int:
    parser = Parser(prog="python -m tests.drill", description=__doc__, allow_abbrev=False)
    parser.add_argument("--kills", type=count("kills", 1), default=20, help="default 20")
    parser.add_argument("--seed", type=count("seed", 0), default=0, help="of the random kills, default 0")
    return drill(parser.parse(None))


def drill(options: Namespace) -> int:
    """Kill, go on until all trials are finished, and print what is in the store; 0 if it is whole."""
    with tempfile.TemporaryDirectory() as name, open(Path(name, "output.txt"), "a") as output:
        folder, kills = Path(name), Counter()
        driver = _start(folder, output)
        rng = random.Random(options.seed)
        while kills.total() < options.kills and driver.poll() is None:
            time.sleep(rng.uniform(0.3, LONGEST_WAIT))
            kind = rng.choice(("driver", "worker"))
            if kind == "driver":
                driver.kill()
                driver.wait()
                driver = _start(folder, output)
            elif not (workers := _workers(driver.pid)):
                continue
            else:
                rng.choice(workers).kill()
            kills[kind] += 1
        while driver.wait() == 1:  # a trial failed; the same command tries it again
            driver = _start(folder, output)
        return _check(folder, kills)


def _start(folder: Path, output) -> subprocess.Popen:
    words = [sys.executable, "-m", "study.run", *WORDS]
    return subprocess.Popen(words, cwd=folder, env=environment(), stdout=output, stderr=output)


def _workers(pid: int) -> list[psutil.Process]:
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children():
            found += [child] * ("spawn_main" in " ".join(child.cmdline()))
    return found


def _check(folder: Path, kills: Counter) -> int:
    runs = Tracker(f"sqlite:///{folder}/mlruns/mlflow.db", "digits-softmax").runs()
    searched = [run for run in runs if run.phase in ("explore", "search") and run.status == "FINISHED"]
    slots, statuses = Counter(run.tags["trial"] for run in searched), Counter(run.status for run in runs)
    print(f"kills: {dict(kills)}; finished {len(searched)} runs of {len(slots)} trials; statuses {dict(statuses)}")
    whole = set(slots) == set(map(str, range(TRIALS))) and set(slots.values()) == {1} and not statuses["RUNNING"]
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(exit_code("tests.drill", main))

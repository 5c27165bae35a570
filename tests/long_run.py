"""`python -m tests.long_run`: thousands of tiny trials, while the driver or a worker is killed every few seconds.

The study must end with exactly its trials, none of them running, and a report.
"""

import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
from rich.console import Console

from hyperstudy.study.core.errors import Parser, count, exit_code
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import environment, store_of

STUDY = "tiny"
OWN = """
import hyperstudy as hs

def train(config, seed):
    for epoch in range(config.epochs):
        yield {"score": -(config.x - 0.3) ** 2 - abs(config.y - 0.6) / (epoch + 1)}

hs.LOOPS["tiny"] = hs.Loop(
    train,
    {
        "x": hs.Hyperparameter("what matters", 0.5, hs.Range(0.0, 1.0), (0, 1), searched=True),
        "y": hs.Hyperparameter("what matters less", 0.5, hs.Range(0.0, 1.0), (0, 1), searched=True),
        "epochs": hs.Hyperparameter("epochs", 3, hs.Range(1, 10), (1, 100)),
    },
    objective="score",
)
"""
MEGABYTE = 2**20


class Endured(NamedTuple):
    """What was killed how often, seconds in all, and the driver's memory in MiB by the trials finished then."""

    killed: Counter
    seconds: float
    memory: list[tuple[int, float]]


def endure(folder: Path, trials: int, every: float, seed: int = 0) -> Endured:
    """Run a study in a folder to its end; about `every` seconds the driver or a worker is killed with -9."""
    (folder / "tiny.py").write_text(OWN)
    words = ["-m", "study.run", "--from", "tiny.py", "--loop", "tiny", "--study", STUDY, "--workers", "2"]
    command = [sys.executable, *words, "--trials", str(trials), "--confirm-seeds", "2"]
    order, killed, memory, started = random.Random(seed), Counter(), [], time.monotonic()
    while True:
        with (folder / "output.txt").open("ab") as output:
            driver = psutil.Popen(command, cwd=folder, env=environment(), stdout=output, stderr=output)
        while driver.poll() is None:
            try:
                driver.wait(order.uniform(0.5, 1.5) * every)
            except psutil.TimeoutExpired:
                memory.append((finished(folder), driver.memory_info().rss / MEGABYTE))
                victim = order.choice([driver, *workers(driver)])
                killed["driver" if victim is driver else "worker"] += 1
                with suppress(psutil.NoSuchProcess):
                    victim.kill()
                if victim is driver:
                    driver.wait()
        if driver.returncode == 0:
            return Endured(killed, time.monotonic() - started, memory)
        if driver.returncode > 0:
            raise RuntimeError((folder / "output.txt").read_text()[-2000:])


def workers(driver: psutil.Process) -> list[psutil.Process]:
    """The processes in which a driver trains."""
    found = []
    with suppress(psutil.NoSuchProcess):  # one has just ended
        for child in driver.children():
            found += [child] if "spawn_main" in " ".join(child.cmdline()) else []
    return found


def finished(folder: Path) -> int:
    """How many lines of finished trials were printed."""
    return (folder / "output.txt").read_text().count(" complete ")


def outcome(folder: Path) -> tuple[Counter, Counter]:
    """Runs by MLflow's status; finished designed and searched trials by number, each of which should be there once."""
    runs = Tracker(store_of(folder), STUDY).runs()
    ended = Counter(run.tags["trial"] for run in runs if "trial" in run.tags and run.status == "FINISHED")
    return Counter(run.status for run in runs), ended


def main() -> int:
    parser = Parser(prog="python -m tests.long_run", description=__doc__, allow_abbrev=False)
    parser.add_argument("--trials", type=count("trials", 1), default=2000)
    parser.add_argument("--every", type=count("every", 1), default=20, help="seconds between two kills (default 20)")
    options = parser.parse(None)
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with console.status(f"{options.trials} trials"):
            endured = endure(folder, options.trials, options.every)
        statuses, ended = outcome(folder)
        exact = set(ended) == set(map(str, range(options.trials))) and set(ended.values()) == {1}
        console.print(f"{endured.seconds:.0f} s, killed: {dict(endured.killed)}, runs by status: {dict(statuses)}")
        console.print(f"{len(ended)} trials finished, each once: {exact}")
        for done, used in endured.memory[:: max(1, len(endured.memory) // 8)]:
            console.print(f"{done:6,} trials finished: the driver takes {used:,.0f} MiB")
        began = time.monotonic()
        words = [sys.executable, "-m", "reports.findings", "--study", STUDY]
        report = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True)
        console.print(
            f"the report took {time.monotonic() - began:.0f} s: {(report.stdout + report.stderr).strip()[-300:]}"
        )
    return 0 if exact and not statuses["RUNNING"] and not report.returncode else 1


if __name__ == "__main__":
    sys.exit(exit_code("tests.long_run", main))

"""Whether pruning pays: an MLP on Fashion-MNIST with the default pruner against none, over seeds."""

import re
import tempfile
from math import inf
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from tests.benchmark.timing import TRIAL, Line, ratio, run

STUDY = ("--dataset", "fashion-mnist", "--model", "mlp", "--trials", "30", "--epochs", "5", "--confirm-seeds", "0")
CLOSE = 0.99  # of the final best of the study without a pruner
BEST = re.compile(r"\(best ([\d.]+)\)")


class Side(NamedTuple):
    """When the incumbent changed, in seconds since the command was given, and to what."""

    seconds: list[float]
    best: list[float]

    def reached(self, accuracy: float) -> float:
        """Seconds until the incumbent was that good; infinitely many if it never was."""
        return next((at for at, best in zip(*self, strict=True) if best >= accuracy), inf)


def benchmark(console: Console, data_dir: Path, rounds: int) -> None:
    """Print, seed by seed, both sides' time to 99% of the best without a pruner, whole time and best; the pruner's
    regret is what its best lies below the other's. A ratio of 0 is a target that it never reached."""
    reached, total, regret = [], [], []
    for seed in range(rounds):
        with console.status(f"pruning, seed {seed} of {rounds}"):
            words = [*STUDY, "--data-dir", str(data_dir), "--seed", str(seed)]
            none, median = (side(run_study(words, pruner)) for pruner in ("none", "median"))
        target = CLOSE * none.best[-1]
        reached.append(none.reached(target) / median.reached(target))
        total.append(none.seconds[-1] / median.seconds[-1])
        regret.append(none.best[-1] - median.best[-1])
        console.print(
            f"seed {seed}: none {none.reached(target):.0f} of {none.seconds[-1]:.0f} s, {none.best[-1]:.4f}; "
            f"median {median.reached(target):.0f} of {median.seconds[-1]:.0f} s, {median.best[-1]:.4f}"
        )
    console.print(
        f"pruning: none / median, time to 99% {ratio(reached)}, reached in {sum(map(bool, reached))} of {rounds}, "
        f"whole time {ratio(total)}; regret {sum(regret) / rounds:+.4f} [{min(regret):+.4f}, {max(regret):+.4f}]"
    )


def run_study(words: list[str], pruner: str) -> list[Line]:
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder), "-m", "study.run", *words, "--pruner", pruner)


def side(lines: list[Line]) -> Side:
    trials = [line for line in lines if TRIAL.match(line.text)]
    return Side(
        [line.seconds for line in trials],
        [float(best[1]) if (best := BEST.search(line.text)) else 0.0 for line in trials],
    )

"""What a trial costs late in a study of 1,000 tiny trials against early in it, sampler and both stores included."""

import tempfile
from pathlib import Path
from statistics import median

from rich.console import Console

from tests.benchmark.start import TINY
from tests.benchmark.timing import finished, ratio, run

# Searched is what does not change how long a trial takes, which a sampler would move as it learns.
SEARCHED = ("--batch-size", "16", "--weight-decay", "1e-6:1e-2", "--momentum", "0.5:0.99")
EARLY, TRIALS = 50, 1000
FIRST, LAST = 16, 40  # trials over which each cost is averaged; the first are searched, too, and none is designed


def benchmark(console: Console, data_dir: Path, rounds: int) -> None:
    """Print milliseconds per trial at the end of a study of 50, and at its end when it has grown to 1,000."""
    for sampler in ("random", "tpe"):
        with console.status(f"1,000 tiny trials, {sampler}, {rounds} rounds"):
            costs = [grown(sampler) for _ in range(rounds)]
        early, late = (median(side) * 1e3 for side in zip(*costs, strict=True))
        console.print(
            f"scale, {sampler}: {early:.0f} ms at the 50th trial, {late:.0f} ms at the 1,000th, "
            f"ratio {ratio([late / early for early, late in costs])}"
        )


def grown(sampler: str) -> tuple[float, float]:
    """Seconds per trial at the end of either study."""
    words = ["-m", "study.run", *TINY, *SEARCHED, "--sampler", sampler, "--workers", "1", "--trials"]
    with tempfile.TemporaryDirectory() as folder:
        early, late = (finished(run(Path(folder), *words, str(trials))) for trials in (EARLY, TRIALS))
    return (early[-1] - early[-1 - FIRST]) / FIRST, (late[-1] - late[-1 - LAST]) / LAST

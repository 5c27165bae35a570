"""What a trial costs late in a study of 1,000 tiny trials against early in it, sampler and both stores included."""

import tempfile
from pathlib import Path

from rich.console import Console

from tests.benchmark.start import TINY
from tests.benchmark.timing import finished, run

TRIALS, EARLY = 1000, 50
WINDOW = 40  # trials over which a cost is averaged


def benchmark(console: Console, data_dir: Path, rounds: int) -> None:
    """Print milliseconds per trial about the 50th and at the end, for random search and for TPE after the design."""
    for sampler in ("random", "tpe"):
        with tempfile.TemporaryDirectory() as folder, console.status(f"1,000 tiny trials, {sampler}"):
            words = ["--sampler", sampler, "--trials", str(TRIALS), "--workers", "1"]
            times = finished(run(Path(folder), "-m", "study.run", *TINY, *words))
        costs = {at: (times[at] - times[at - WINDOW]) / WINDOW for at in (EARLY + WINDOW // 2, TRIALS - 1)}
        early, late = costs.values()
        console.print(
            f"scale, {sampler}: {early * 1e3:.0f} ms about the 50th trial, {late * 1e3:.0f} ms at the end, "
            f"ratio {late / early:.2f}"
        )

"""From command to first finished trial on an existing store, against importing torch, mlflow and optuna."""

import tempfile
from pathlib import Path

from rich.console import Console

from tests.benchmark.timing import finished, ratio, run

TINY = ("--model", "softmax", "--epochs", "1", "--confirm-seeds", "0")


def benchmark(console: Console, data_dir: Path, rounds: int) -> None:
    """Print both in seconds; the first trial, of some 30 ms, counts as start, since its first step prints nothing."""
    imports, starts = [], []
    with tempfile.TemporaryDirectory() as folder, console.status(f"start, {rounds} rounds"):
        run(Path(folder), "-m", "study.run", *TINY, "--trials", "4")
        for round_ in range(1, rounds + 1):
            imports.append(run(Path(folder), "-c", "import torch, mlflow, optuna")[-1].seconds)
            starts.append(finished(run(Path(folder), "-m", "study.run", *TINY, "--trials", str(4 + 4 * round_)))[0])
    ratios = [start / alone for start, alone in zip(starts, imports, strict=True)]
    console.print(f"start: imports {min(imports):.1f} s, first trial {min(starts):.1f} s, ratio {ratio(ratios)}")

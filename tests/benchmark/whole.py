"""A whole study of 20 trials of an MLP on MNIST, 3 epochs each, against the one that the documents lead to."""

import re
import tempfile
from pathlib import Path

from rich.console import Console

from tests.benchmark.timing import ratio, run

TRIALS, EPOCHS = "20", "3"
OURS = ("--dataset", "mnist", "--model", "mlp", "--trials", TRIALS, "--epochs", EPOCHS, "--confirm-seeds", "0")
BEST = re.compile(r"best of the search: .*validation accuracy ([\d.]+)")


def benchmark(console: Console, data_dir: Path, rounds: int) -> None:
    """Print both sides' seconds and best validation accuracy, round by round, imports and stores included."""
    ratios = []
    for number in range(rounds):
        with console.status(f"whole study, round {number + 1} of {rounds}: a quarter of an hour"):
            documents, their_best = whole("tests.benchmark.documents", str(data_dir), TRIALS, EPOCHS)
            ours, our_best = whole("study.run", *OURS, "--data-dir", str(data_dir))
        ratios.append(documents / ours)
        console.print(
            f"whole study: documents {documents:.0f} s, best {their_best:.4f}; ours {ours:.0f} s, best {our_best:.4f}"
        )
    console.print(f"whole study, documents / ours: {ratio(ratios)}")


def whole(module: str, *words: str) -> tuple[float, float]:
    """Seconds of a command on fresh stores, and the best validation accuracy that it prints."""
    with tempfile.TemporaryDirectory() as folder:
        *printed, end = run(Path(folder), "-m", module, *words)
    text = " ".join(line.text for line in printed)
    best = BEST.search(text)
    return end.seconds, float(best[1] if best else printed[-1].text)

"""`python -m tests.benchmark` compares the core and a whole study; other parts by name, `--help` lists them."""

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console

from hyperstudy.study.core.errors import Parser, count, exit_code, not_one_of
from hyperstudy.study.outputs.environment import hardware, versions
from tests.benchmark import cluster, core, folder, memory, overhead, precision, pruning, report, scale, start, whole
from tests.benchmark.timing import ROOT

PARTS: dict[str, Callable[[Console, Path, int], None]] = {
    "core": core.benchmark,
    "study": whole.benchmark,
    "overhead": overhead.benchmark,
    "start": start.benchmark,
    "scale": scale.benchmark,
    "memory": memory.benchmark,
    "folder": folder.benchmark,
    "precision": precision.benchmark,
    "pruning": pruning.benchmark,
    "report": report.benchmark,
    "cluster": cluster.benchmark,
}
USUAL = ("core", "study")


def main() -> int:
    parser = Parser(prog="python -m tests.benchmark", description=__doc__, allow_abbrev=False)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: {' '.join(USUAL)})")
    parser.add_argument("--data-dir", type=Path, default=ROOT / "data", help="where MNIST and CIFAR-10 (JPEG) are")
    parser.add_argument("--rounds", type=count("rounds", 1), default=5, help="of each comparison (default 5)")
    options = parser.parse(None)
    console = Console()
    for part in options.parts:
        if part not in PARTS:
            raise not_one_of("part", part, PARTS)
    libraries = ", ".join(f"{name} {number}" for name, number in versions().items())
    console.print(f"{hardware(torch.device('cpu'))}; {libraries}", highlight=False, soft_wrap=True)
    for part in options.parts or USUAL:
        PARTS[part](console, options.data_dir.resolve(), options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code("tests.benchmark", main))

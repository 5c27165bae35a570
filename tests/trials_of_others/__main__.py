"""How often the report is right on trials of others: `python -m tests.trials_of_others --studies 100`.

Prints a table in Markdown. With 100 studies of all eight tables it takes half an hour on two cores.
"""

import sys
from pathlib import Path

from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import track

from hyperstudy.study.core.errors import Parser, count, exit_code, not_one_of
from tests.trials_of_others.chart import draw_chart
from tests.trials_of_others.hard import HARD, plant
from tests.trials_of_others.rates import markdown, power_table
from tests.trials_of_others.rivals import power
from tests.trials_of_others.tables import CLASSES, FOLDER, read
from tests.trials_of_others.trials import PLANTED, REAL, Outcome, batches, outcome
from tests.trials_of_others.truth import table_weights, truth_of


def main(words: list[str] | None = None) -> int:
    parser = Parser(prog="python -m tests.trials_of_others", description=__doc__)
    parser.add_argument("--tables", nargs="+", metavar="NAME", help="some of the tables or planted truths")
    parser.add_argument("--planted", action="store_true", help="planted truths that hurt, instead of the tables")
    parser.add_argument("--studies", type=count("studies", 1), default=100, help="of each kind and table (default 100)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"for the package (default {FOLDER})")
    parser.add_argument("--workers", type=count("workers", 1), default=2, help="processes (default 2)")
    parser.add_argument("--figure", type=Path, help="where to write the chart, a PNG")
    options = parser.parse(words)
    names = options.tables or list(HARD if options.planted else CLASSES)
    for name in names:
        if name not in (*CLASSES, *HARD):
            raise not_one_of("table", name, (*CLASSES, *HARD))
    outcomes = measure(names, options.studies, options.folder, options.workers)
    by_table = {name: found.tallies for name, found in outcomes.items()}
    print(markdown(by_table))
    if ranked := [row for found in outcomes.values() for row in found.ranked]:
        print("\n" + power_table(power(ranked)))
    if options.figure:
        draw_chart(by_table, options.figure)
    return 0


def measure(names: list[str], studies: int, folder: Path = FOLDER, workers: int = 1) -> dict[str, Outcome]:
    """What is counted in that many studies of each kind, by table."""
    weights, found = table_weights(), {}
    with Parallel(n_jobs=workers) as pool:
        for name in track(names, console=Console(stderr=True), description=f"{studies} studies each"):
            truth = truth_of(plant(name) if name in HARD else read(name, folder), weights)
            jobs = batches(PLANTED if name in HARD else REAL, studies)
            parts = pool(delayed(outcome)(truth, kind, seeds) for kind, seeds in jobs)
            found[name] = sum(parts, Outcome({}, []))
    return found


if __name__ == "__main__":
    sys.exit(exit_code("tests.trials_of_others", main))

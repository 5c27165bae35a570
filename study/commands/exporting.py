"""A study from its runs to a storage of Optuna's."""

import json
from argparse import Namespace

from hyperstudy.study.core.domains import dimension
from hyperstudy.study.core.errors import InputError, Parser, without_passwords
from hyperstudy.study.outputs.objective import objective_of
from hyperstudy.study.search.export import export
from hyperstudy.study.studies.records import records
from hyperstudy.study.studies.view import make_console
from hyperstudy.study.tracking.experiments import find_study
from hyperstudy.study.tracking.store import TRACKING_OPTION, existing, is_fileless, sqlite_file
from hyperstudy.study.tracking.tracker import Tracker


def parse_options(words: list[str] | None) -> Namespace:
    """The options of `python -m study.export`."""
    parser = Parser(prog="python -m study.export", description="Hand a study to Optuna's own tools.")
    parser.add_argument("--study", metavar="NAME", help="default: the latest")
    parser.add_argument("--to", required=True, metavar="URL", help="an Optuna storage, such as sqlite:///optuna.db")
    parser.add_argument("--tracking-uri", **TRACKING_OPTION)
    return parser.parse(words)


def hand_over(options: Namespace) -> int:
    """Write the study's finished trials into the storage and say how many."""
    existing(options.tracking_uri)
    ours, theirs = (file.resolve() if (file := sqlite_file(url)) else url for url in (options.tracking_uri, options.to))
    if is_fileless(options.to):
        raise InputError(f"storage must be kept in a file, as in sqlite:///optuna.db; got {options.to!r}")
    if ours == theirs:
        raise InputError(f"storage must be another database than MLflow's store; got {options.to!r}")
    tracker = Tracker(options.tracking_uri, find_study(options.tracking_uri, options.study))
    dimensions = {name: dimension(row) for name, row in json.loads(tracker.tags().get("study.space", "{}")).items()}
    space = {name: row.domain for name, row in dimensions.items() if row.domain is not None}
    objective = objective_of(tracker.tags())
    found = records(tracker, tracker.runs(), space, objective)
    if not found:
        raise InputError(f"study {tracker.experiment!r} has no finished trial to export")
    export(tracker.experiment, options.to, dimensions, found, objective)
    text = f"{len(found)} trials of {tracker.experiment} in {without_passwords(options.to)}"
    make_console().print(text, soft_wrap=True)
    return 0

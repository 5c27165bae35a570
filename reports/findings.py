"""Turn a study's runs into a findings report: `python -m reports.findings --study digits-cnn`.

It also reads trials that other tools ran: a study in an Optuna storage (`--optuna sqlite:///optuna.db`), an MLflow
experiment (`--experiment NAME`), or a table (`--csv trials.csv`).
"""

import shlex
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from threadpoolctl import threadpool_limits

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.frames import Study
from hyperstudy.reports.load import load
from hyperstudy.reports.page.render import write_report
from hyperstudy.reports.sections import outline
from hyperstudy.reports.sections.decision import decision
from hyperstudy.reports.sources.experiment import from_experiment
from hyperstudy.reports.sources.table import from_table
from hyperstudy.study.core.errors import InputError, Parser, exit_code, unusable, without_passwords
from hyperstudy.study.outputs.names import check_name
from hyperstudy.study.tracking.store import ROOT, TRACKING_OPTION, UI_ADDRESS, existing, is_server
from hyperstudy.study.tracking.tracker import Tracker

SOURCES = ("optuna", "experiment", "csv")


def main(words: list[str] | None = None) -> int:
    return exit_code("reports.findings", lambda: report(_options(words), words))


def report(options: Namespace, words: list[str] | None = None) -> int:
    """Write the report of a study and say where it is; attach it to the study in the tracker if it is ours."""
    study = _read(options)
    if study.origin:
        command = shlex.join(["python", "-m", "reports.findings", *(sys.argv[1:] if words is None else words)])
        study = replace(study, tags={**study.tags, "study.command": without_passwords(command)})
    check_name(study.name)  # other tools may have made the study, and its name becomes a folder
    folder = options.folder / study.name
    question, sections = outline(study)
    try:
        with threadpool_limits(1):  # of small matrices; beside other work on two cores, 3 s instead of 8
            write_report(Analysis(study), sections, question, folder, decision)
    except OSError as error:
        raise unusable(f"folder {str(folder)!r} cannot be written", error) from None
    if study.origin is None:
        Tracker(options.tracking_uri, study.name).attach("report", folder)
    print(f"{folder / 'report.html'}\n{folder / 'README.md'}")
    return 0


def _read(options: Namespace) -> Study:
    """The study that the options name."""
    uri = options.tracking_uri
    base = without_passwords(uri) if is_server(uri) else UI_ADDRESS
    if options.csv is not None:
        return from_table(options.csv, options.objective, options.maximize, options.random)
    if options.optuna is not None:
        from hyperstudy.reports.sources.storage import from_storage  # Optuna is loaded where it is asked for

        return from_storage(options.optuna, options.study, options.objective, options.random)
    existing(uri)
    if options.experiment is not None:
        return from_experiment(uri, options.experiment, options.objective, options.maximize, options.random, base)
    return load(uri, options.study, base)


def _options(words: list[str] | None) -> Namespace:
    parser = Parser(
        prog="python -m reports.findings", description="Turn trials into a findings report.", allow_abbrev=False
    )
    parser.add_argument("--study", metavar="NAME", help="default: the latest; of an Optuna storage, its only one")
    parser.add_argument("--tracking-uri", **TRACKING_OPTION)
    folder = ROOT / "reports"
    parser.add_argument("--folder", type=Path, default=folder, help=f"where reports are written (default: {folder})")
    others = parser.add_argument_group("trials that other tools ran")
    others.add_argument("--optuna", metavar="URL", help="an Optuna storage, such as sqlite:///optuna.db; only read")
    others.add_argument("--experiment", metavar="NAME", help="an MLflow experiment whose runs other scripts made")
    others.add_argument("--csv", type=Path, metavar="FILE", help="a row per trial, as Optuna's trials_dataframe or own")
    others.add_argument(
        "--objective", metavar="METRIC", help="the metric or column that judges trials (of a CSV by default: value)"
    )
    others.add_argument("--minimize", dest="maximize", action="store_const", const=False, help="lower is better")
    others.add_argument("--maximize", action="store_const", const=True, help="higher is better")
    others.add_argument(
        "--random",
        action="store_true",
        help="the trials were sampled at random or evenly, by no sampler that follows results: claims may be supported",
    )
    options = parser.parse(words)
    _check(options)
    return options


def _check(options: Namespace) -> None:
    """Raise `InputError` for options that say nothing together."""
    given = [f"--{name}" for name in SOURCES if getattr(options, name) is not None]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} are different sources: give one")
    if given and given != ["--optuna"] and options.study is not None:
        raise InputError(f"--study names a study of this project or of Optuna; got it with {given[0]}")
    if given == ["--optuna"] and options.maximize is not None:
        raise InputError("--minimize and --maximize are for tables and experiments: an Optuna study has its direction")
    if not given and (options.objective is not None or options.maximize is not None or options.random):
        raise InputError("--objective, --minimize, --maximize and --random are for --optuna, --experiment or --csv")


if __name__ == "__main__":
    sys.exit(main())

"""The command line of `python -m study.run`, derived from the configuration's fields and the registries."""

import argparse
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from hyperstudy.models import MODELS
from hyperstudy.study.core.config import HYPERPARAMETERS, family_of, rows_of
from hyperstudy.study.core.data.datasets import DATASETS
from hyperstudy.study.core.data.listing import folder_at
from hyperstudy.study.core.domains import Choice, Hyperparameter, Range
from hyperstudy.study.core.errors import InputError, Parser, count, not_one_of, without_passwords
from hyperstudy.study.core.loops import LOOPS, rows_of_loop
from hyperstudy.study.core.metrics import METRICS
from hyperstudy.study.core.own import added_rows, load_own, read_own
from hyperstudy.study.core.train import device as find_device
from hyperstudy.study.outputs import environment
from hyperstudy.study.outputs.names import RESERVED, check_name
from hyperstudy.study.search.design import explore_size
from hyperstudy.study.search.samplers import PRUNERS, SAMPLERS
from hyperstudy.study.tasks.pictures import picture_objective
from hyperstudy.study.tracking.store import TRACKING_OPTION, TRACKING_URI
from hyperstudy.study.workers.worker import Cluster

DATASET, MODEL = "digits", "cnn"
DATA_DIR = Path(os.environ.get("STUDY_DATA_DIR", "data"))


def parse_options(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The checked options; `given` maps each hyperparameter that the user gave to its text."""
    first = _first(words)
    rows = HYPERPARAMETERS | (rows_of(first.model) if first.model in MODELS else {})
    rows = rows_of_loop(first.loop) if first.loop else rows
    options = _parser(rows).parse(words)
    _settle_subject(options)
    settle_machine(options)
    options.command = environment.command() if words is None else _command(words)
    options.own = first.own or added_rows()
    options.given = {name: text for name in rows if (text := getattr(options, _dest(name))) is not None}
    for name, registry in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
        if getattr(options, name) not in registry:
            raise not_one_of(name, getattr(options, name), registry)
    options.study = _usual_name(options) if options.study is None else options.study
    check_name(options.study)
    if options.loop is None:
        picture_objective(options.objective)  # raises for a name that is none
    if options.study in RESERVED:
        raise InputError(
            f"study must be a name that this project and MLflow do not use themselves; got {options.study!r}"
        )
    return options


def _first(words: Sequence[str] | None) -> argparse.Namespace:
    """What decides which other options there are: the model, and the user's own file, which is run here."""
    parser = Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--from", dest="own", type=Path)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--loop")
    options, _ = parser.parse_known_args(words)
    if options.own is not None:
        options.own = read_own(options.own)
        load_own(options.own)
    return options


def _command(words: Sequence[str]) -> str:
    return shlex.join(["python", "-m", "study.run", *map(without_passwords, words)])


def _settle_subject(options: argparse.Namespace) -> None:
    """Give data set and model their defaults; a loop has neither."""
    if options.loop is None:
        options.dataset, options.model = options.dataset or DATASET, options.model or MODEL
        if ".py" in options.model and options.model not in MODELS:
            raise InputError(f"model must be a name; a file of your own is given with --from; got {options.model!r}")
        family_of(options.model)
        return
    for name in ("dataset", "model"):
        if (given := getattr(options, name)) is not None:
            raise InputError(f"a loop has no {name} but its own; got --loop {options.loop} and --{name} {given}")


def _usual_name(options: argparse.Namespace) -> str:
    if options.loop is not None:
        return re.sub(r"[^A-Za-z0-9._-]+", "-", options.loop).lstrip("._-") or "loop"
    kind, _, location = options.dataset.partition(":")
    place = re.sub(r"[^A-Za-z0-9._-]+", "-", folder_at(location).resolve().name) if location else kind
    return f"{place.lstrip('._-') or kind}-{options.model}"


def _parser(rows: Mapping[str, Hyperparameter]) -> Parser:
    parser = Parser(
        prog="python -m study.run",
        description="Run a hyperparameter study: designed trials, a search, and, over fresh seeds, a re-ranking of the "
        "best with the default and a confirmation.",
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=26, width=110),
    )
    _add_question(parser.add_argument_group("the question"))
    hyper = parser.add_argument_group(
        "hyperparameters", "a value fixes one, low:high searches a range, a,b,c searches those values"
    )
    how = parser.add_argument_group("the search")
    how.add_argument("--sampler", default="tpe", metavar="NAME", help=_listed(SAMPLERS, "tpe"))
    how.add_argument("--pruner", default="median", metavar="NAME", help=_listed(PRUNERS, "median"))
    add_machine(parser.add_argument_group("machine and store"))
    for name, row in rows.items():
        text = _describe(name, row).replace("%", "%%")
        parser.meanings[_flag(name)] = row.help
        try:
            hyper.add_argument(_flag(name), dest=_dest(name), metavar=_metavar(row), help=text)
        except argparse.ArgumentError:
            raise InputError(f"hyperparameter {name!r} has the name of another option: give it another one") from None
    return parser


def _add_question(what: Any) -> None:
    own = "your own Python file, which adds models, data sets, metrics or loops"
    what.add_argument("--from", dest="own", metavar="FILE", help=own)
    what.add_argument("--dataset", metavar="NAME", help=_listed(_dataset_names(), DATASET))
    what.add_argument("--model", metavar="NAME", help=_listed(MODELS, MODEL))
    loops = f": {', '.join(LOOPS)}" if LOOPS else ""
    what.add_argument("--loop", metavar="NAME", help=f"a training loop of your own file instead{loops}")
    judged = f"what is best on validation: {_listed(METRICS, 'accuracy')}"
    what.add_argument("--objective", metavar="NAME", help=judged)
    what.add_argument("--study", metavar="NAME", help="the study's name (default: DATASET-MODEL, or the loop's)")
    what.add_argument(
        "--after",
        metavar="STUDY",
        help="an earlier study of the same data and model, in another space: its trials inform the sampler, and its "
        "winner is a finalist",
    )
    what.add_argument(
        "--trials",
        type=count("trials", 1),
        default=50,
        metavar="N",
        help=f"trials to finish; of 50, {explore_size(50)} are designed and the rest searched (default 50)",
    )
    what.add_argument(
        "--confirm-seeds",
        type=count("confirm-seeds", 0),
        default=5,
        metavar="N",
        help="seeds over which the finalists are retrained before they meet the test pictures; 0: neither that nor "
        "the re-ranking before it (default 5)",
    )


def add_machine(where: Any) -> None:
    """The options for the machine and the store."""
    where.add_argument(
        "--workers",
        type=count("workers", 1),
        metavar="N",
        help="training processes (default: one per core; one on a GPU; on a cluster as many as it has room for)",
    )
    where.add_argument("--device", default="auto", metavar="NAME", help="auto, cuda, mps or cpu (default auto)")
    cluster = "train on the machines of a Ray cluster, of which this one is part: auto, or HEAD:PORT"
    where.add_argument("--cluster", type=_address, metavar="ADDRESS", help=cluster)
    for name, usual in (("cpus", 1), ("gpus", 0)):
        text = f"{name.upper()[:-1]}s of a machine of the cluster that a trial takes; may be a part (default {usual})"
        where.add_argument(f"--{name}-per-trial", type=_amount(f"{name}-per-trial"), metavar="X", help=text)
    add_data_dir(where)
    where.add_argument("--tracking-uri", **TRACKING_OPTION)


def _address(text: str) -> str:
    if text != "auto" and not re.fullmatch(r"[\w.-]+:\d+", text):
        raise InputError(f"cluster must be auto, or HEAD:PORT as ray start prints it; got {text!r}")
    return text


def _amount(name: str) -> Any:
    """An option's type: a number above 0."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value < float("inf") or (value > 1 and value % 1):
            raise InputError(f"{name} must be a number above 0, and whole above 1; got {text!r}")
        return value

    return parse


def settle_machine(options: argparse.Namespace) -> None:
    """Make `options.cluster` a `Cluster`, or None; raises `InputError` for options that mean nothing without one, or
    with one."""
    per_trial = {"cpus": options.cpus_per_trial, "gpus": options.gpus_per_trial}
    if options.cluster is None:
        for name, value in per_trial.items():
            if value is not None:
                raise InputError(f"--{name}-per-trial needs --cluster; got {value:g} without it")
        return
    if without_passwords(options.tracking_uri) != options.tracking_uri != TRACKING_URI:
        raise InputError(
            f"a store with a password must be named in $MLFLOW_TRACKING_URI, since Ray shows a driver's command line "
            f"to its cluster; got --tracking-uri {options.tracking_uri}"
        )
    if options.device != "auto":
        raise InputError(f"--device is for this machine, and --gpus-per-trial for a cluster; got {options.device!r}")
    options.cluster = Cluster(
        options.cluster, **{name: value for name, value in per_trial.items() if value is not None}
    )


def trial_device(options: argparse.Namespace) -> torch.device:
    """Where trials train: what this machine has, or on a cluster what each is given."""
    if options.cluster is None:
        return find_device(options.device)
    return torch.device("cuda" if options.cluster.gpus else "cpu")


def trial_hardware(options: argparse.Namespace) -> str:
    """What trials train on, in words."""
    if options.cluster is None:
        return environment.hardware(find_device(options.device))
    return f"a Ray cluster, {options.cluster.words()} per trial"


def add_data_dir(where: Any) -> None:
    where.add_argument(
        "--data-dir",
        type=Path,
        default=DATA_DIR,
        metavar="FOLDER",
        help="where data sets lie or are downloaded to (default: $STUDY_DATA_DIR, or data)",
    )


def places(options: argparse.Namespace, *names: str) -> list[str]:
    """The options that tell the next command where the store and the data are, without passwords: all, or the named."""
    usual = {"tracking_uri": TRACKING_URI, "data_dir": DATA_DIR}
    given = {name: str(value) for name in names or usual if (value := getattr(options, name)) != usual[name]}
    return [word for name, value in given.items() for word in (_flag(name), without_passwords(value))]


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _dest(name: str) -> str:
    """Where the parser keeps a hyperparameter's text, apart from its other options."""
    return f"hyperparameter {name}"


def _metavar(row: Hyperparameter) -> str:
    return "A,B" if isinstance(row.space, Choice) else "LOW:HIGH"


def _dataset_names() -> list[str]:
    return ["folder:PATH" if name == "folder" else name for name in DATASETS]


def _listed(names: Any, default: str) -> str:
    return f"{', '.join(names)} (default {default})"


def _describe(name: str, row: Hyperparameter) -> str:
    """A hyperparameter's help: its meaning, its default, and its range."""
    usual = HYPERPARAMETERS.get(name, row)
    if usual.space is None:
        families = [model for model, family in MODELS.items() if name in family.hyperparameters]
        spaces = [f"{model} {rows_of(model)[name].default} of {rows_of(model)[name].space}" for model in families]
        return f"{usual.help} (default and range by model: {'; '.join(spaces)}; searched)"
    accepted = f"; accepts {', '.join(row.limits)}" if row.kind is str else ""
    log = " on a log scale" if isinstance(row.space, Range) and row.space.log else ""
    verb = "searched in" if row.searched else "fixed; a usual range is"
    shown = "" if row.default is None else f"default {row.default}, "
    return f"{row.help} ({shown}{verb} {row.space}{log}{accepted})"

"""The command line of `python -m study.run`, derived from the configuration's fields and the registries."""

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hyperstudy.models import MODELS
from hyperstudy.study.core.config import HYPERPARAMETERS, default_of, type_of
from hyperstudy.study.core.datasets import DATASETS
from hyperstudy.study.core.domains import Choice, Range
from hyperstudy.study.core.errors import InputError, Parser, count, not_one_of, without_passwords
from hyperstudy.study.core.plan import usual_space
from hyperstudy.study.outputs.names import RESERVED, check_name
from hyperstudy.study.search.design import explore_size
from hyperstudy.study.search.samplers import PRUNERS, SAMPLERS
from hyperstudy.study.tracking.store import TRACKING_OPTION, TRACKING_URI

DATA_DIR = Path(os.environ.get("STUDY_DATA_DIR", "data"))


def parse_options(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The checked options; `given` maps each hyperparameter that the user gave to its text."""
    options = _parser().parse(words)
    options.given = {name: text for name in HYPERPARAMETERS if (text := getattr(options, name)) is not None}
    for name, registry in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
        if getattr(options, name) not in registry:
            raise not_one_of(name, getattr(options, name), registry)
    options.study = _usual_name(options.dataset, options.model) if options.study is None else options.study
    check_name(options.study)
    if options.study in RESERVED:
        raise InputError(
            f"study must be a name that this project and MLflow do not use themselves; got {options.study!r}"
        )
    return options


def _usual_name(dataset: str, model: str) -> str:
    kind, _, location = dataset.partition(":")
    place = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(location).expanduser().resolve().name) if location else kind
    return f"{place.lstrip('._-') or kind}-{model}"


def _parser() -> Parser:
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
    for name in HYPERPARAMETERS:
        hyper.add_argument(_flag(name), metavar=_metavar(name), help=_describe(name))
    how = parser.add_argument_group("the search")
    how.add_argument("--sampler", default="tpe", metavar="NAME", help=_listed(SAMPLERS, "tpe"))
    how.add_argument("--pruner", default="median", metavar="NAME", help=_listed(PRUNERS, "median"))
    add_machine(parser.add_argument_group("machine and store"))
    return parser


def _add_question(what: Any) -> None:
    what.add_argument("--dataset", default="digits", metavar="NAME", help=_listed(_dataset_names(), "digits"))
    what.add_argument("--model", default="cnn", metavar="NAME", help=_listed(MODELS, "cnn"))
    what.add_argument("--study", metavar="NAME", help="the study's name (default: DATASET-MODEL)")
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
        help="training processes (default: one per core; one on a GPU)",
    )
    where.add_argument("--device", default="auto", metavar="NAME", help="auto, cuda, mps or cpu (default auto)")
    add_data_dir(where)
    where.add_argument("--tracking-uri", **TRACKING_OPTION)


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


def _metavar(name: str) -> str:
    return "A,B" if isinstance(HYPERPARAMETERS[name].space, Choice) else "LOW:HIGH"


def _dataset_names() -> list[str]:
    return ["folder:PATH" if name == "folder" else name for name in DATASETS]


def _listed(names: Any, default: str) -> str:
    return f"{', '.join(names)} (default {default})"


def _describe(name: str) -> str:
    """A hyperparameter's help: its meaning, its default, and its range."""
    row = HYPERPARAMETERS[name]
    if row.space is None:
        families = {model: family for model, family in MODELS.items() if name in family.hyperparameters}
        spaces = "; ".join(
            f"{model} {family.default_depth} of {usual_space(name, model)}" for model, family in families.items()
        )
        return f"{row.help} (default and range by model: {spaces}; searched)"
    default = default_of(name)
    accepted = f"; accepts {', '.join(row.accepted)}" if type_of(name) is str else ""
    log = " on a log scale" if isinstance(row.space, Range) and row.space.log else ""
    verb = "searched in" if row.searched else "fixed; a usual range is"
    shown = "" if default is None else f"default {default}, "
    return f"{row.help} ({shown}{verb} {row.space}{log}{accepted})"

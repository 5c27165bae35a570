"""What a user adds: a file, or rows that were added in Python, which stand in the registries beside the project's.

A file is run as it is, like any script of its user: in the driver, and in every process that trains.
"""

import atexit
import hashlib
import re
import shutil
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from runpy import run_path
from tempfile import mkdtemp
from types import ModuleType
from typing import Any, NamedTuple

import cloudpickle

from hyperstudy.models import ACTIVATIONS, INITIALISATIONS, MODELS, Family
from hyperstudy.study.core.augmentations import AUGMENTATIONS
from hyperstudy.study.core.config import HYPERPARAMETERS, family_of
from hyperstudy.study.core.data.datasets import DATASETS
from hyperstudy.study.core.data.pictures import Source
from hyperstudy.study.core.data.regular import regular
from hyperstudy.study.core.data.splits import SCALINGS
from hyperstudy.study.core.domains import Hyperparameter
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.loops import LOOPS, Loop
from hyperstudy.study.core.losses import LOSSES
from hyperstudy.study.core.metrics import METRICS, Metric
from hyperstudy.study.core.optimizers import OPTIMIZERS
from hyperstudy.study.core.schedules import SCHEDULES
from hyperstudy.study.core.text import LONGEST, is_name

METRIC_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
LOADED: dict[str, Path] = {}  # where the files lie that were run in this process, by digest
RESERVED = {  # columns of a study's runs, and parameters of every run
    *("dataset", "model", "loop", "run_id", "name", "phase", "state", "trial", "role", "seconds", "objective"),
    *("parameters", "steps", "train_seconds", "val_seconds", "best_epoch", "best_objective", "epoch", "versions"),
    *("diverged_epoch", "diverged_step", "link", "tested", "values", "subject", "rows", "replace", "described"),
}

# What processes that train look up by name; pictures come to them from the driver.
REGISTRIES: tuple[dict[str, Any], ...] = (
    *(MODELS, ACTIVATIONS, INITIALISATIONS, SCALINGS, AUGMENTATIONS),
    *(OPTIMIZERS, SCHEDULES, LOSSES, METRICS, LOOPS),
)
BUILT_IN = tuple(frozenset(registry) for registry in REGISTRIES)  # before a user adds any


class OwnFile(NamedTuple):
    """A file that was read: where it lies, and what it holds."""

    path: Path
    content: bytes

    @property
    def name(self) -> str:
        return self.path.name

    def load(self) -> None:
        """Run the file in this process."""
        load_own(self)

    def modules(self) -> list[ModuleType]:
        """The modules that lie beside the file and that this process has imported, without those within packages."""
        roots = [module for name, module in sys.modules.items() if "." not in name and name != "__main__"]
        return [module for module in roots if _place(module).parent == self.path.parent]

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that change with any byte."""
        return hashlib.sha256(self.content).hexdigest()[:16]

    @property
    def setting(self) -> str:
        """The file as a study's settings have it."""
        return f"{self.path.name} {self.digest}"


class AddedRows(NamedTuple):
    """The rows that were added to the registries in this process, for other processes: they travel as code."""

    names: tuple[str, ...]
    content: bytes

    @property
    def name(self) -> str:
        return "rows added in Python"

    @property
    def setting(self) -> str:
        """The rows as a study's settings have them: by name, since code that is pickled differs from run to run."""
        return ", ".join(self.names)

    def modules(self) -> list[ModuleType]:
        """None: rows travel with their code."""
        return []

    def load(self) -> None:
        """Add the rows in this process."""
        for registry, rows in zip(REGISTRIES, cloudpickle.loads(self.content), strict=True):
            registry.update(rows)


Added = OwnFile | AddedRows  # what a study's processes must have


def added_rows() -> AddedRows | None:
    """What this process has added to the registries; None if nothing."""
    pairs = zip(REGISTRIES, BUILT_IN, strict=True)
    rows = [{name: row for name, row in now.items() if name not in before} for now, before in pairs]
    names = tuple(name for each in rows for name in each)
    check_rows("rows added in Python")
    try:
        return AddedRows(names, cloudpickle.dumps(rows)) if names else None
    except Exception as error:  # of many kinds
        raise InputError(f"{', '.join(names)} cannot travel to the processes that train: {error}") from None


def read_own(path: Path) -> OwnFile:
    """The file at `path`; raises `InputError` if it cannot be read."""
    regular("own file", path)
    try:
        return OwnFile(path.resolve(), path.read_bytes())
    except OSError as error:
        raise InputError(f"file {str(path)!r} cannot be read: {error.strerror}") from None


def load_own(own: OwnFile) -> None:
    """Run the file, so that its rows are in the registries; raises `InputError` with the line that fails.

    Modules that lie beside it can be imported by it. A file that this process has run is not run again.
    """
    if own.digest in LOADED:
        return
    if not own.path.is_file() or own.path.read_bytes() != own.content:
        own = own._replace(path=_copy(own))
    if str(own.path.parent) not in sys.path:
        sys.path.insert(0, str(own.path.parent))
    LOADED[own.digest] = own.path
    try:
        run_path(str(own.path), run_name=own.path.stem)
        check_rows(own.path.name)
    except BaseException as error:  # also SystemExit
        line = said(error)
        del LOADED[own.digest]
        if isinstance(error, InputError | KeyboardInterrupt):
            raise
        raise InputError(f"{own.path.name} cannot be used: {line}") from None


def _place(module: ModuleType) -> Path:
    """The file of a module, or the folder of a package; the root of all folders for what is built in."""
    places = [*getattr(module, "__path__", [])] or [getattr(module, "__file__", None) or "/"]
    return Path(places[0])


def _copy(own: OwnFile) -> Path:
    """The file in a folder of its own, which goes when this process ends."""
    folder = mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = Path(folder) / own.path.name
    copy.write_bytes(own.content)
    return copy


def said(error: BaseException) -> str:
    """What was raised, with the line of the user's file that it comes from, if it comes from there."""
    line, places = f"{type(error).__name__}: {error}", set(map(str, LOADED.values()))
    if isinstance(error, SyntaxError) and error.filename in places:
        return f"{type(error).__name__}: {error.msg} (line {error.lineno}: {(error.text or '').strip()})"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in places]
    return f"{line} (line {frames[-1].lineno}: {frames[-1].line})" if frames else line


def check_rows(where: str) -> None:
    """Raise `InputError` for a row that is none, or that asks for a hyperparameter that nobody declares."""
    kinds = ((MODELS, Family, "MODELS"), (DATASETS, Source, "DATASETS"), (METRICS, Metric, "METRICS"))
    for registry, kind, what in (*kinds, (LOOPS, Loop, "LOOPS")):
        for name, row in registry.items():
            if not isinstance(row, kind):
                raise InputError(f"{where}: {what}[{name!r}] must be a {kind.__name__}; got {type(row).__name__}")
    for name in {name for registry in (DATASETS, *REGISTRIES) for name in registry}:
        if not is_name(name):
            raise InputError(
                f"{where}: a row must have a name of one line, up to {LONGEST} characters; got {str(name)[:LONGEST]!r}"
            )
    for name in METRICS:
        if not METRIC_NAME.fullmatch(name):
            raise InputError(f"{where}: a metric must have a name of letters, digits, '_', '-', '.'; got {name!r}")
    for loop, row in LOOPS.items():
        _check_space(row.space, f"{where}: space", f"loop {loop!r}")
        if "seed" in row.space:
            raise InputError(f"{where}: 'seed' is what train is given as its second argument: give it another name")
    for model in MODELS:
        family = family_of(model)
        _check_space(family.own, f"{where}: own", f"model {model!r}")
        missing = [name for name in family.hyperparameters if name not in {**HYPERPARAMETERS, **family.own}]
        missing += [n for n in ("depth",) if n in family.hyperparameters and not (family.depths or n in family.own)]
        if missing:
            raise InputError(
                f"{where}: model {model!r} takes {missing[0]!r}, which is no hyperparameter yet: give it a row in "
                f"own={{{missing[0]!r}: Hyperparameter(...)}}"
            )


def _check_space(space: Mapping[str, Hyperparameter], where: str, whose: str) -> None:
    """Raise `InputError` for a row of hyperparameters that a study cannot use."""
    place = where.rpartition(":")[0]
    for name, row in space.items():
        if not isinstance(row, Hyperparameter):
            raise InputError(f"{where}[{name!r}] of {whose} must be a Hyperparameter; got {type(row).__name__}")
        if not name.isidentifier() or not name.isascii() or name.startswith("_"):
            raise InputError(f"{place}: a hyperparameter's name must be a plain identifier; got {name!r}")
        if name in RESERVED:
            raise InputError(f"{place}: {name!r} means something else in every study: give it another name")
        row.checked(f"{place}: {name}")

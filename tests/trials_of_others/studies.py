"""Studies of a table, in the shape in which the tracker hands over real ones.

The design and the search are those of every study: only training is replaced by a look into the table.
"""

import numpy as np
import pandas as pd

from hyperstudy.reports.frames import Study
from hyperstudy.study.core.domains import Domain, Range
from hyperstudy.study.outputs.names import COMPLETE
from hyperstudy.study.search.trials import Trials
from tests.trials_of_others.tables import INERT, LEVELS, SEEDS, Table, space, space_plan
from tests.trials_of_others.truth import nearest

INERT_LEVELS = 10  # as many as the tables' hyperparameters have


def draw(table: Table, seed: int, trials: int = 50, inert: int = 0) -> Study:
    """A study of that many trials: all of them with one seed of the table, and each at the levels nearest to it."""
    plan = space_plan(inert, seed)
    waiting, rows = Trials(plan, "tpe", "none", [trials], []), []
    while slot := waiting.next():
        values = {name: getattr(slot.config, name) for name in plan.space}
        levels = {name: level(plan.space[name], known, values[name]) for name, known in LEVELS.items()}
        objective = float(table.accuracy[(*levels.values(), seed % SEEDS)])
        waiting.end(slot, COMPLETE, objective)
        rows.append({"run_id": slot.name, "name": slot.name, "phase": slot.tags["phase"], "trial": slot.number})
        rows[-1] |= {name: LEVELS[name][number] for name, number in levels.items()} | {"objective": objective}
        rows[-1] |= {name: snapped(plan.space[name], values[name]) for name in list(INERT)[:inert]}
    runs = pd.DataFrame(rows).assign(state=COMPLETE, role=None, link="", seed=0, train_seconds=1.0, parameters=1.0)
    runs = runs.assign(**{"tested": np.nan, "best_objective": runs.objective, "best_epoch": 1, "steps": 1})
    tags = {"study.classes": str(table.classes), "study.trials": str(trials), "study.pruner": "none"}
    tags |= {"study.dataset": table.name, "study.model": "mlp", "study.sampler": "tpe"}
    curves = pd.DataFrame(columns=["run_id", "epoch", "objective"])
    return Study(table.name, "", tags, space(plan), runs, curves)


def level(domain: Domain, levels: tuple[float, ...], value: float) -> int:
    """The number of the level nearest to a value."""
    return int(nearest(domain, levels, domain.positions([value]))[0])


def snapped(domain: Range, value: float) -> float:
    """The nearest of even levels of an inert hyperparameter."""
    levels = domain.levels(INERT_LEVELS)
    return levels[level(domain, levels, value)]

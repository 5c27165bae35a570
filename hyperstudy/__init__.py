"""hyperstudy, under one name from any directory: `models`, `study` and `reports` are its parts.

Their folders lie beside this one. Imported as `hyperstudy.models` and so on, they cannot be taken for folders of the
same names in a user's own project. A user's file finds here what it adds rows with; each name is imported when it is
first asked for, since a worker or a report needs few of them.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

__path__.append(str(Path(__file__).parent.parent))

PUBLIC = {
    "run": "calls",
    "MODELS": "models",
    "Family": "models",
    "ACTIVATIONS": "models",
    "INITIALISATIONS": "models",
    "OPTIMIZERS": "study.core.optimizers",
    "SCHEDULES": "study.core.schedules",
    "LOSSES": "study.core.losses",
    "AUGMENTATIONS": "study.core.augmentations",
    "METRICS": "study.core.metrics",
    "Metric": "study.core.metrics",
    "LOOPS": "study.core.loops",
    "Loop": "study.core.loops",
    "SCALINGS": "study.core.data.splits",
    "DATASETS": "study.core.data.datasets",
    "Source": "study.core.data.datasets",
    "Pictures": "study.core.data.datasets",
    "pictures": "study.core.data.own_pictures",
    "Hyperparameter": "study.core.domains",
    "Range": "study.core.domains",
    "Choice": "study.core.domains",
    "InputError": "study.core.errors",
}
__all__ = list(PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"hyperstudy has no {name!r}")
    import_module("hyperstudy.study.core.own")  # knows from here on which rows are the user's
    return getattr(import_module(f"hyperstudy.{PUBLIC[name]}"), name)

"""hyperstudy, under one name from any directory: `models`, `study` and `reports` are its parts.

Their folders lie beside this one. Imported as `hyperstudy.models` and so on, they cannot be taken for folders of the
same names in a user's own project. A user's file finds here what it adds rows with; each name is imported when it is
first asked for, since a worker or a report needs few of them.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    "LoopConfig": "study.core.loops",
    "SCALINGS": "study.core.data.splits",
    "DATASETS": "study.core.data.datasets",
    "Source": "study.core.data.pictures",
    "Pictures": "study.core.data.pictures",
    "pictures": "study.core.data.own_pictures",
    "Hyperparameter": "study.core.domains",
    "Range": "study.core.domains",
    "Choice": "study.core.domains",
    "InputError": "study.core.errors",
    "StoreError": "study.core.errors",
}
__all__ = list(PUBLIC)

if TYPE_CHECKING:  # the same names with their types
    from hyperstudy.calls import run as run
    from hyperstudy.models import ACTIVATIONS as ACTIVATIONS
    from hyperstudy.models import INITIALISATIONS as INITIALISATIONS
    from hyperstudy.models import MODELS as MODELS
    from hyperstudy.models import Family as Family
    from hyperstudy.study.core.augmentations import AUGMENTATIONS as AUGMENTATIONS
    from hyperstudy.study.core.data.datasets import DATASETS as DATASETS
    from hyperstudy.study.core.data.own_pictures import pictures as pictures
    from hyperstudy.study.core.data.pictures import Pictures as Pictures
    from hyperstudy.study.core.data.pictures import Source as Source
    from hyperstudy.study.core.data.splits import SCALINGS as SCALINGS
    from hyperstudy.study.core.domains import Choice as Choice
    from hyperstudy.study.core.domains import Hyperparameter as Hyperparameter
    from hyperstudy.study.core.domains import Range as Range
    from hyperstudy.study.core.errors import InputError as InputError
    from hyperstudy.study.core.errors import StoreError as StoreError
    from hyperstudy.study.core.loops import LOOPS as LOOPS
    from hyperstudy.study.core.loops import Loop as Loop
    from hyperstudy.study.core.loops import LoopConfig as LoopConfig
    from hyperstudy.study.core.losses import LOSSES as LOSSES
    from hyperstudy.study.core.metrics import METRICS as METRICS
    from hyperstudy.study.core.metrics import Metric as Metric
    from hyperstudy.study.core.optimizers import OPTIMIZERS as OPTIMIZERS
    from hyperstudy.study.core.schedules import SCHEDULES as SCHEDULES
else:

    def __getattr__(name: str) -> Any:
        if name not in PUBLIC:
            raise AttributeError(f"hyperstudy has no {name!r}")
        import_module("hyperstudy.study.core.own")  # knows from here on which rows are the user's
        return getattr(import_module(f"hyperstudy.{PUBLIC[name]}"), name)

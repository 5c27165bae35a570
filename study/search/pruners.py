"""When to give a trial up: the pruners by name, each made for the largest number of epochs that a trial may have."""

from collections.abc import Callable

from optuna import pruners

PRUNERS: dict[str, Callable[[int], pruners.BasePruner]] = {
    "median": lambda epochs: pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=max(1, epochs // 5)),
    "hyperband": lambda epochs: pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3),
    "halving": lambda epochs: pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    "none": lambda epochs: pruners.NopPruner(),
}

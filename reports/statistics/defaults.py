"""What a hyperparameter's default costs, all else as in the best configuration."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from reports.statistics.ablations import Result
from reports.statistics.scales import grid
from reports.statistics.surrogate import DUMMY, Surrogate
from study.comparisons.arms import ALONE
from study.core.domains import Dimension


class Default(NamedTuple):
    """The gain from changing a hyperparameter's default, by an experiment (`result`) or by the surrogate (None).

    `margin` is the standard deviation over seeds.
    """

    name: str
    default: Any
    gain: float
    low: float
    high: float
    margin: float
    result: Result | None = None

    @property
    def safe(self) -> bool:
        """Whether even the upper end of the interval is below the margin (non-inferiority)."""
        return self.high <= self.margin


def by_surrogate(
    surrogate: Surrogate, space: Mapping[str, Dimension], levels: Mapping[str, Any], margin: float
) -> list[Default]:
    """The defaults that lie in their domains, judged at the configuration `levels`."""
    asked = [name for name in surrogate.domains if name != DUMMY and space[name].default in space[name].domain]
    centre = {name: space[name].domain.positions([levels[name]])[0] for name in surrogate.domains if name != DUMMY}
    return [_default(surrogate, name, space[name], {**centre, DUMMY: 0.5}, margin) for name in asked]


def _default(
    surrogate: Surrogate, name: str, dimension: Dimension, centre: Mapping[str, float], margin: float
) -> Default:
    tried = np.concatenate([dimension.domain.positions([dimension.default]), grid(dimension.domain)])
    points = {other: np.repeat(place, len(tried)) for other, place in centre.items()} | {name: tried}
    values = surrogate.accuracy(surrogate.predict(points))
    gains = np.maximum(values[1:].max(0) - values[0], 0)
    low, high = np.quantile(gains[1:], [0.025, 0.975])
    return Default(name, dimension.default, float(gains[0]), float(low), float(high), margin)


def by_experiment(results: Iterable[Result], margin: float) -> list[Default]:
    """The defaults that an experiment compared with the winner's value, all else as in the winner."""
    return [
        Default(row.hypothesis.name, row.hypothesis.before, *row.estimate[:3], margin, row)
        for row in results
        if row.hypothesis.kind == ALONE and row.estimate.high is not None
    ]

"""What a hyperparameter's default costs, all else as in the best configuration."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from hyperstudy.reports.statistics.ablations import Result
from hyperstudy.reports.statistics.effects import at, difference, place
from hyperstudy.reports.statistics.posterior import Posterior
from hyperstudy.study.comparisons.arms import ALONE
from hyperstudy.study.core.domains import Dimension


class Default(NamedTuple):
    """The gain from changing a hyperparameter's default, by an experiment (`result`) or by the posterior (None).

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


def by_posterior(
    posterior: Posterior, space: Mapping[str, Dimension], levels: Mapping[str, Any], margin: float
) -> list[Default]:
    """The defaults that lie in their domains, judged at the configuration `levels`: the gain of the best value."""
    centre, rows = place(posterior.domains, levels), []
    for name, domain in posterior.domains.items():
        if (default := space[name].default) in domain:
            curve = at(posterior, name, {**centre, name: float(domain.positions([default])[0])})
            found = difference(curve.draws[curve.mean.argmax()] - curve.draws[0])
            rows.append(Default(name, default, found.mean, found.low, found.high, margin))
    return rows


def by_experiment(results: Iterable[Result], margin: float) -> list[Default]:
    """The defaults that an experiment compared with the winner's value, all else as in the winner."""
    rows = []
    for row in results:
        tried, (gain, low, high, _) = row.hypothesis, row.estimate
        if tried.kind == ALONE and low is not None and high is not None:
            rows.append(Default(tried.name, tried.before, gain, low, high, margin, row))
    return rows

"""Which hyperparameters matter: verdict, share of the variance and effect in points, all of one posterior."""

from collections.abc import Mapping
from typing import NamedTuple

from scipy import stats

from hyperstudy.reports.statistics.effects import Curve, Effect, effect
from hyperstudy.reports.statistics.posterior import Posterior
from hyperstudy.reports.statistics.shares import Share, shares
from hyperstudy.reports.statistics.verdicts import INCONCLUSIVE, SUGGESTIVE, SUPPORTED

# Probability that the share exceeds `LEAST`. Before any trial the prior gives 0.8 for each of six hyperparameters.
SURE, LIKELY = 0.9, 0.7
UNLIKELY, UNSURE = 0.2, 0.5  # probability that nothing matters at all
# Trials that trained per hyperparameter, below which nothing is supported, since few say little against the prior: at a
# probability of 0.95 of a share over 1%, an inert one beside five others was supported in 28% of studies with 2 trials
# each, 15% with 3, and 5 to 8% with 4 to 6 (40 studies each).
ENOUGH = 4
TERMS = 2  # of a curved effect


class Influence(NamedTuple):
    """What one hyperparameter does among the `n` trials that trained; `nothing` is the probability that none of the
    hyperparameters does anything, and `enough` says whether so many trials may support a claim."""

    name: str
    share: Share
    effect: Effect
    nothing: float
    n: int
    enough: bool

    @property
    def probability(self) -> float:
        """That its share exceeds `LEAST`, if anything matters, times that anything does."""
        return self.share.matters * (1 - self.nothing)

    @property
    def verdict(self) -> str:
        if self.enough and self.share.matters >= SURE and self.nothing <= UNLIKELY:
            return SUPPORTED
        return SUGGESTIVE if self.share.matters >= LIKELY and self.nothing <= UNSURE else INCONCLUSIVE


def influences(posterior: Posterior, curves: Mapping[str, Curve], tolerance: float) -> list[Influence]:
    """Every hyperparameter's influence, the largest share first; `curves` are averaged over all others, and differences
    below `tolerance` hardly count."""
    enough = posterior.n >= ENOUGH * len(posterior.domains)
    rows = [
        Influence(name, share, effect(curves[name], tolerance), posterior.nothing, posterior.n, enough)
        for name, share in shares(posterior).items()
    ]
    return sorted(rows, key=lambda row: -row.share.total)


def trials_needed(share: float, hyperparameters: int, power: float = 0.8, most: int = 1024) -> int | None:
    """Designed trials, a power of two, with which an F test of a curved effect finds such a share with that power,
    corrected for the number of hyperparameters; None above `most`."""
    if share <= 0:
        return None
    n, alpha = 8, 0.05 / hyperparameters
    while n <= most:
        left = n - 1 - TERMS * hyperparameters
        if left > 0:
            critical = stats.f.ppf(1 - alpha, TERMS, left)
            if stats.ncf.sf(critical, TERMS, left, n * share / (1 - min(share, 0.999))) >= power:
                return n
        n *= 2
    return None

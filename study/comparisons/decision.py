"""The decision of a study in a sentence: which configuration to use, and how sure one can be."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hyperstudy.study.comparisons.arms import Levels, short
from hyperstudy.study.comparisons.choice import Reranking
from hyperstudy.study.comparisons.seeds import Answered, Estimate, Lead, accuracy_of, lead_of
from hyperstudy.study.outputs.names import DEFAULT, EARLIER, RUNNER_UP, WINNER
from hyperstudy.study.outputs.objective import ACCURACY, Objective

UNTESTED = (
    "There is no test metric: seeds are fresh, but the validation data are those by which configurations were chosen, "
    "so it is open how this does on data by which nothing was chosen."
)


class Finalist(NamedTuple):
    """The searched hyperparameters of a finalist, its confirmation runs, and mean seconds of training."""

    levels: Levels
    runs: Sequence[Answered]
    seconds: float | None


def decide(finalists: Mapping[str, Finalist], choice: Reranking | None, objective: Objective = ACCURACY) -> str:
    """What to use, what it reaches on the test data, and its lead over the default; empty without a confirmed winner.

    The winner was chosen on validation. Only where fresh seeds on the test data clearly contradict it is the default
    recommended. Without a test metric, those are the validation data, and the sentence says what that leaves open.
    """
    winner, default = finalists.get(WINNER), finalists.get(DEFAULT)
    if winner is None or not winner.runs:
        return ""
    told = _decided(winner, default, choice, objective)
    return told if objective.test_key else f"{told} {UNTESTED}"


def _decided(winner: Finalist, default: Finalist | None, choice: Reranking | None, objective: Objective) -> str:
    found = f"{in_levels(winner.levels)}: {reached(winner.runs, objective)}"
    if default is None:
        return f"Use the default, {found}. {_unbeaten(choice, objective)}"
    if not default.runs:
        return f"Use {found}; the default was not {'tested' if objective.test_key else 'confirmed'}."
    lead = lead_of(winner.runs, default.runs)
    if lead.estimate.high is not None and lead.estimate.high < 0:
        won = "on validation" if objective.test_key else "the re-ranking"
        worse = f"{in_points(lead, objective)} {'below it there' if objective.accuracy else 'worse'}"
        return (
            f"Use the default, {in_levels(default.levels)}: {reached(default.runs, objective)}. The configuration that "
            f"won {won} is {worse}."
        )
    return f"Use {found}, {_over(lead, objective)}{_cost(winner, default)}."


def not_told_apart(finalists: Mapping[str, Finalist]) -> dict[str, Levels]:
    """The other finalists that may be as good as the winner: by role, where the interval of the lead holds 0 or none
    is known."""
    winner = finalists.get(WINNER)
    found = {}
    for role in (RUNNER_UP, EARLIER, DEFAULT):
        other = finalists.get(role)
        if winner and other and winner.runs and other.runs:
            estimate = lead_of(winner.runs, other.runs).estimate
            if estimate.low is None or estimate.high is None or estimate.low <= 0 <= estimate.high:
                found[role] = other.levels
    return found


def in_levels(levels: Levels) -> str:
    """Hyperparameters in words: `lr = 0.0031, depth = 3`."""
    return ", ".join(f"{name} = {short(value)}" for name, value in levels.items())


def reached(runs: Sequence[Answered], objective: Objective = ACCURACY) -> str:
    """What a configuration reaches over its runs: `98.3% [97.7, 98.8] on the test set`, `test loss 0.12 nats`."""
    estimate = accuracy_of(runs, objective)
    if objective.accuracy:
        return f"{percent(estimate)} on the test set"
    value = f"{objective.confirmed.name} {objective.measured(*estimate[:3])}"
    return value if objective.test_key else f"{value} over {estimate.n} fresh seed{'s' if estimate.n > 1 else ''}"


def percent(estimate: Estimate) -> str:
    """An accuracy and its interval in percent."""
    mean, low, high, _ = estimate
    return f"{mean:.1%}" + ("" if low is None or high is None else f" [{100 * low:.1f}, {100 * high:.1f}]")


def in_points(lead: Lead, objective: Objective = ACCURACY) -> str:
    """The size of a lead with its interval, in which larger is better: of accuracy in points and as a number of
    pictures, otherwise in the objective's unit."""
    estimate = lead.estimate
    if not objective.accuracy:
        interval = objective.gain_interval(estimate.low, estimate.high)
        return f"{objective.sized(abs(estimate.mean))} {interval}".rstrip()
    words = f"{abs(100 * estimate.mean):.1f} points"
    if estimate.low is not None and estimate.high is not None:
        words += f" [{100 * estimate.low:+.1f}, {100 * estimate.high:+.1f}]"
    if lead.pictures is not None:
        words += f" ({abs(estimate.mean) * lead.pictures:.0f} of {lead.pictures:,} pictures)"
    return words


def _over(lead: Lead, objective: Objective) -> str:
    places = ("over", "below") if objective.accuracy else ("better than", "worse than")
    words = f"{in_points(lead, objective)} {places[lead.estimate.mean < 0]} the default"
    if lead.estimate.low is not None and lead.probability is not None:
        better = "" if words.endswith("better than the default") else "better "
        words += f", {better}with probability {min(max(lead.probability, 0.01), 0.99):.2f}"
    return words


def _cost(winner: Finalist, default: Finalist) -> str:
    if not winner.seconds or not default.seconds:
        return ""
    return f", at {winner.seconds / default.seconds:.1f} times its training time"


def _unbeaten(choice: Reranking | None, objective: Objective) -> str:
    if choice is None or choice.lead is None or choice.error is None:
        return "Nothing was compared with it."
    place, error = f"{objective.apart(choice.lead)} it", objective.size(choice.error)
    if objective.accuracy:
        place = f"{abs(100 * choice.lead):.1f} points {'above' if choice.lead > 0 else 'below'} it"
        error = f"{100 * choice.error:.1f}"
    return (
        f"The search found nothing that is better for sure: its best is {place} on validation over {choice.seeds} "
        f"fresh seeds, with a standard error of {error}."
    )

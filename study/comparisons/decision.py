"""The decision of a study in a sentence: which configuration to use, and how sure one can be."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hyperstudy.study.comparisons.arms import Levels, short
from hyperstudy.study.comparisons.choice import Reranking
from hyperstudy.study.comparisons.seeds import Answered, Estimate, Lead, accuracy_of, lead_of
from hyperstudy.study.outputs.names import DEFAULT, RUNNER_UP, WINNER


class Finalist(NamedTuple):
    """The searched hyperparameters of a finalist, its runs on the test pictures, and mean seconds of training."""

    levels: Levels
    runs: Sequence[Answered]
    seconds: float | None


def decide(finalists: Mapping[str, Finalist], choice: Reranking | None) -> str:
    """What to use, its test accuracy, and its lead over the default; empty without a confirmed winner.

    The winner was chosen on validation. Only where the test pictures clearly contradict it is the default recommended.
    """
    winner, default = finalists.get(WINNER), finalists.get(DEFAULT)
    if winner is None or not winner.runs:
        return ""
    found = f"{in_levels(winner.levels)}: {percent(accuracy_of(winner.runs))} on the test set"
    if default is None:
        return f"Use the default, {found}. {_unbeaten(choice)}"
    if not default.runs:
        return f"Use {found}; the default was not tested."
    lead = lead_of(winner.runs, default.runs)
    if lead.estimate.high is not None and lead.estimate.high < 0:
        return (
            f"Use the default, {in_levels(default.levels)}: {percent(accuracy_of(default.runs))} on the test set. The "
            f"configuration that won on validation is {in_points(lead)} below it there."
        )
    return f"Use {found}, {_over(lead)}{_cost(winner, default)}."


def not_told_apart(finalists: Mapping[str, Finalist]) -> dict[str, Levels]:
    """The other finalists whose test accuracy may equal the winner's: by role, where the interval of the lead holds 0
    or none is known."""
    winner = finalists.get(WINNER)
    found = {}
    for role in (RUNNER_UP, DEFAULT):
        other = finalists.get(role)
        if winner and other and winner.runs and other.runs:
            estimate = lead_of(winner.runs, other.runs).estimate
            if estimate.low is None or estimate.low <= 0 <= estimate.high:
                found[role] = other.levels
    return found


def in_levels(levels: Levels) -> str:
    """Hyperparameters in words: `lr = 0.0031, depth = 3`."""
    return ", ".join(f"{name} = {short(value)}" for name, value in levels.items())


def percent(estimate: Estimate) -> str:
    """An accuracy and its interval in percent."""
    interval = "" if estimate.low is None else f" [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"
    return f"{estimate.mean:.1%}{interval}"


def in_points(lead: Lead) -> str:
    """The size of a lead in points, with its interval and as a number of pictures."""
    estimate = lead.estimate
    words = f"{abs(100 * estimate.mean):.1f} points"
    if estimate.low is not None:
        words += f" [{100 * estimate.low:+.1f}, {100 * estimate.high:+.1f}]"
    if lead.pictures is not None:
        words += f" ({abs(estimate.mean) * lead.pictures:.0f} of {lead.pictures:,} pictures)"
    return words


def _over(lead: Lead) -> str:
    words = f"{in_points(lead)} {'over' if lead.estimate.mean >= 0 else 'below'} the default"
    if lead.estimate.low is not None and lead.probability is not None:
        words += f", better with probability {min(max(lead.probability, 0.01), 0.99):.2f}"
    return words


def _cost(winner: Finalist, default: Finalist) -> str:
    if not winner.seconds or not default.seconds:
        return ""
    return f", at {winner.seconds / default.seconds:.1f} times its training time"


def _unbeaten(choice: Reranking | None) -> str:
    if choice is None or choice.lead is None:
        return "Nothing was compared with it."
    place = f"{abs(100 * choice.lead):.1f} points {'above' if choice.lead > 0 else 'below'} it"
    return (
        f"The search found nothing that is better for sure: its best is {place} on validation over {choice.seeds} "
        f"fresh seeds, with a standard error of {100 * choice.error:.1f}."
    )

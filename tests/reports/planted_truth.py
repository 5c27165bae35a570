"""How often the report is right where the answer is known: `python -m tests.planted_truth --studies 300`.

Each row plants a truth in synthetic studies of 50 trials, 32 of them designed, with the noise of the digits study, puts
them through the report's own functions, and counts. The tests run the same rows over fewer studies.
"""

import sys
from collections.abc import Callable
from functools import cache
from itertools import chain
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy import stats

from reports.boundary import crowds
from reports.breaking import breaks_of, corners_of, logistic_of
from reports.defaults import defaults
from reports.effects import influence_verdict
from reports.experiments import ALONE, results_of
from reports.finding import SUPPORTED
from reports.frames import Study
from reports.lead import paired
from reports.scales import normal_scores, scaled
from reports.scaling import lr_scaling
from reports.selection import accuracy_surrogate_of, influences_of, interactions_of, shares_of
from reports.stats import paired_difference, rate
from study.core.errors import Parser, count, exit_code
from tests.planted import (
    NOISE,
    SEARCHED,
    SPACE,
    Truth,
    beyond,
    breaking,
    bump,
    cliff,
    diverging,
    failing_by_chance,
    flat,
    interacting,
    lr_with_activation,
    lr_with_batch_size,
    moving,
    peak,
    planted,
    population,
    together,
    unit,
    with_confirmation,
    with_experiments,
)

COVERAGE = (0.90, 0.98)
POWER = (0.80, 1.0)
CONSERVATIVE = (0.90, 1.0)  # resampled trials and posterior draws both widen it; either alone covers too seldom
ERROR = (0.0, 0.05)


class Row(NamedTuple):
    """What is planted, what the report should say, and the rate at which it should.

    `judge` gives right or wrong for every statement of one study, which may be none.
    """

    planted: Callable[[int], Study]
    judge: Callable[[Study], list[bool]]
    wanted: tuple[float, float]
    seconds: float = 0.02  # that one study takes


def matters(*names: str) -> Callable[[Study], list[bool]]:
    """Whether any of these is said to matter."""
    return lambda study: [any(r.name in names and influence_verdict(r) == SUPPORTED for r in influences_of(study))]


def interact(*pair: str) -> Callable[[Study], list[bool]]:
    """Whether this pair, or any if none is named, is said to act together."""
    return lambda study: [any(r.found and (not pair or set(r.pair) == set(pair)) for r in interactions_of(study))]


def other_pairs(*pair: str) -> Callable[[Study], list[bool]]:
    return lambda study: [any(r.found and set(r.pair) != set(pair) for r in interactions_of(study))]


def breaks_by(*names: str) -> Callable[[Study], list[bool]]:
    """Whether failures are blamed on any of these, alone or together with any other of them."""

    def judge(study: Study) -> list[bool]:
        alone = any(row.found and row.name in names for row in breaks_of(study))
        corners = [{edge.name for edge in row.edges} for row in corners_of(study)[:1]]
        return [alone or any(pair <= set(names) for pair in corners)]

    return judge


def breaks_by_others(*names: str) -> Callable[[Study], list[bool]]:
    """Whether failures are blamed on any hyperparameter but these."""

    def judge(study: Study) -> list[bool]:
        alone = any(row.found and row.name not in names for row in breaks_of(study))
        return [alone or any({edge.name for edge in row.edges} - set(names) for row in corners_of(study)[:1])]

    return judge


def at_end(*names: str) -> Callable[[Study], list[bool]]:
    return lambda study: [any(crowd.name in names for crowd in crowds(study))]


def limit_covers(study: Study) -> list[bool]:
    """Whether the interval of the lr at which a trial fails as often as not holds 0.8 of the range."""
    found = [row for row in breaks_of(study) if row.found and row.name == "lr"]
    limits = [limit for row in found if (limit := logistic_of(study, row).limit) is not None]
    return [scaled([limit.low], SPACE["lr"])[0] <= 0.8 <= scaled([limit.high], SPACE["lr"])[0] for limit in limits]


def exponent_covers(exponent: float) -> Callable[[Study], list[bool]]:
    def judge(study: Study) -> list[bool]:
        surrogate = accuracy_surrogate_of(study)
        scaling = lr_scaling(surrogate) if surrogate else None
        return [] if scaling is None else [scaling.low <= exponent <= scaling.high]

    return judge


def shares_cover(truth: Truth) -> Callable[[Study], list[bool]]:
    """Whether the intervals of first-order and total indices hold those of the truth, to a whole percent."""

    def judge(study: Study) -> list[bool]:
        shares = shares_of(study)
        rows = [(shares[name], *true_shares(truth)[name]) for name in SEARCHED] if shares else []
        firsts = [_holds(share.first_low, share.first_high, first) for share, first, _ in rows]
        return firsts + [_holds(share.total_low, share.total_high, total) for share, _, total in rows]

    return judge


def _holds(low: float, high: float, value: float) -> bool:
    return np.floor(100 * low) / 100 <= value <= np.ceil(100 * high) / 100


@cache
def true_shares(truth: Truth) -> dict[str, tuple[float, float]]:
    """First-order and total Sobol indices of a truth, in the variance of the normal scores of noisy outcomes."""
    noise = NOISE * stats.norm.ppf((np.arange(32) + 0.5) / 32)
    outcomes = np.sort((truth(population()).to_numpy()[:, None] + noise).ravel())
    scores = normal_scores(outcomes)

    def score(quantiles: np.ndarray) -> np.ndarray:
        noisy = truth(unit(quantiles)).to_numpy()[:, None] + noise
        return np.interp(noisy, outcomes, scores).mean(1)[None]

    variance = score(np.random.default_rng(1).random((len(SEARCHED), 8192))).var()
    found = stats.sobol_indices(func=score, n=4096, dists=[stats.uniform()] * len(SEARCHED), rng=1)
    first, total = (np.clip(index, 0, 1) * variance for index in (found.first_order, found.total_order))
    return {name: (float(one), float(both)) for name, one, both in zip(SEARCHED, first, total, strict=True)}


def lead_covers(study: Study) -> list[bool]:
    pairs = paired(study, "winner", "default")
    estimate = paired_difference(pairs["first"], pairs["second"])
    return [estimate.low <= 0.02 <= estimate.high]


def differences_covered(study: Study) -> list[bool]:
    """Whether the intervals of experiments hold the planted effects: 0.02 of lr, nothing of the others."""
    effects = {"lr": 0.02}
    return [row.estimate.low <= effects.get(row.hypothesis.name, 0.0) <= row.estimate.high for row in results_of(study)]


def idle_difference_claimed(study: Study) -> list[bool]:
    rows = [row for row in results_of(study) if row.hypothesis.kind == ALONE and row.hypothesis.name != "lr"]
    return [any(row.verdict == SUPPORTED for row in rows)]


def harmful_default_left(study: Study) -> list[bool]:
    """Whether lr, whose default loses more than the seed's deviation, is said to be safe there."""
    return [row.safe for row in defaults(study) if row.name == "lr"]


def _study(truth: Truth) -> Callable[[int], Study]:
    return lambda seed: planted(seed, truth)


def _confirmed(truth: Truth) -> Callable[[int], Study]:
    return lambda seed: with_confirmation(planted(seed, truth), 0.02, NOISE, 5, np.random.default_rng(seed))


def _experimented(seed: int) -> Study:
    study, rng = planted(seed, flat), np.random.default_rng(seed)
    return with_experiments(with_confirmation(study, 0.02, NOISE, 5, rng), {"lr": 0.02}, NOISE, 5, rng)


WITH_BATCH_SIZE, WITH_ACTIVATION = interacting(peak, lr_with_batch_size), interacting(bump, lr_with_activation)

ROWS: dict[str, Row] = {
    "a hyperparameter that matters is found": Row(_study(peak), matters("lr"), POWER),
    "an inert hyperparameter is said to matter": Row(_study(peak), matters("batch_size", "activation"), ERROR),
    "anything is said to matter where nothing does": Row(_study(flat), matters(*SEARCHED), ERROR),
    "shares of the variance are covered (peak)": Row(_study(peak), shares_cover(peak), COVERAGE, 0.5),
    "shares of the variance are covered (bump)": Row(_study(bump), shares_cover(bump), COVERAGE, 0.5),
    "shares of the variance are covered (interaction)": Row(
        _study(WITH_BATCH_SIZE), shares_cover(WITH_BATCH_SIZE), COVERAGE, 0.5
    ),
    "lr x batch size, a fifth of the variance, is found": Row(
        _study(WITH_BATCH_SIZE), interact("lr", "batch_size"), POWER
    ),
    "lr x activation, a fifth of the variance, is found": Row(
        _study(WITH_ACTIVATION), interact("lr", "activation"), POWER
    ),
    "another pair is named beside it": Row(_study(WITH_ACTIVATION), other_pairs("lr", "activation"), ERROR),
    "an interaction is claimed where there is none (bump)": Row(_study(bump), interact(), ERROR),
    "an interaction is claimed where there is none (cliff)": Row(_study(cliff), interact(), ERROR),
    "an optimum beyond the end of the range is found": Row(_study(beyond), at_end("lr"), POWER, 0.5),
    "the best lr is said to lie at an end, and does not": Row(_study(peak), at_end("lr"), ERROR, 0.5),
    "a fifth of the space that diverges is found": Row(_study(diverging), breaks_by("lr"), POWER, 0.1),
    "it is blamed on another hyperparameter": Row(_study(diverging), breaks_by_others("lr"), ERROR, 0.1),
    "a fifth that fails only at large lr with large depth is found": Row(
        _study(together), breaks_by("lr", "depth"), POWER, 0.4
    ),
    "that is blamed on another hyperparameter": Row(_study(together), breaks_by_others("lr", "depth"), ERROR, 0.4),
    "failures by chance are blamed on something": Row(_study(failing_by_chance), breaks_by(*SEARCHED), ERROR, 0.4),
    "the limit of lr is covered": Row(_study(breaking), limit_covers, COVERAGE, 0.5),
    "the exponent of lr* against batch size is covered (1/2)": Row(
        _study(moving(0.5)), exponent_covers(0.5), CONSERVATIVE, 0.5
    ),
    "the lead over the default is covered": Row(_confirmed(flat), lead_covers, COVERAGE),
    "differences between configurations are covered by experiments": Row(_experimented, differences_covered, COVERAGE),
    "an experiment claims a difference that is none": Row(_experimented, idle_difference_claimed, ERROR),
    "a default that costs accuracy is called safe": Row(_confirmed(bump), harmful_default_left, ERROR, 0.5),
}


def judged(name: str, studies: int, first: int = 0) -> list[bool]:
    """What the report said right, `True`, or wrong of every statement in so many studies."""
    row = ROWS[name]
    return [said for seed in range(first, first + studies) for said in row.judge(row.planted(seed))]


def main() -> int:
    from tests.planted_truth import judged as by_name  # under a name that other processes can import

    parser = Parser(prog="python -m tests.planted_truth", description=__doc__)
    parser.add_argument("--studies", type=count("studies", 1), default=300, help="per row (default 300)")
    studies, console, failed = parser.parse(None).studies, Console(), 0
    table = Table("what the report says of a known truth", "rate", "95% interval", "n", "wanted", box=None)
    with Parallel(n_jobs=-1) as pool:
        for name, row in track(ROWS.items(), console=console, description=f"{studies} studies each"):
            batches = [(start, min(10, studies - start)) for start in range(0, studies, 10)]
            said = list(chain.from_iterable(pool(delayed(by_name)(name, size, start) for start, size in batches)))
            found, (low, high) = rate(sum(said), len(said)), row.wanted
            right = low <= found.mean <= high
            failed += not right
            table.add_row(
                *(name, f"{found.mean:.1%}", f"[{found.low:.1%}, {found.high:.1%}]", str(found.n)),
                f"{low:.0%} to {high:.0%}{'' if right else '  MISSED'}",
            )
    console.print(table)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(exit_code("tests.planted_truth", main))

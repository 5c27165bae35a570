"""How often the report is right where the answer is known: `python -m tests.reports.planted_truth --studies 300`.

Each row plants a truth in synthetic studies of 50 trials, 32 of them designed, with the noise of the digits study, runs
the report's own analysis on them, and counts what it says. The tests run the same rows over fewer studies.
"""

import sys
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy import stats

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.frames import Study
from hyperstudy.reports.statistics.intervals import rate
from hyperstudy.reports.statistics.scales import normal_scores
from hyperstudy.reports.statistics.verdicts import SUPPORTED
from hyperstudy.study.comparisons.arms import ALONE
from hyperstudy.study.comparisons.seeds import paired_difference
from hyperstudy.study.core.errors import Parser, count, exit_code
from tests.reports.planted import (
    DOMAINS,
    NOISE,
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


class Wanted(NamedTuple):
    """The rate that statements should have, and a wrong rate that a test must notice."""

    low: float
    high: float
    wrong: float


COVERAGE = Wanted(0.90, 0.98, 0.70)
CONSERVATIVE = Wanted(0.90, 1.0, 0.70)  # resampled trials and posterior draws both widen it; either alone is too narrow
POWER = Wanted(0.80, 1.0, 0.50)
ERROR = Wanted(0.0, 0.05, 0.25)

Judge = Callable[[Analysis], list[bool]]  # right or wrong for every statement of one study, which may be none


class Row(NamedTuple):
    """What is planted, how the report's statements are judged, the rate at which they should be right, and the number
    of studies with which a test notices a wrong rate."""

    planted: Callable[[int], Study]
    judge: Judge
    wanted: Wanted
    studies: int = 60


def matters(*names: str) -> Judge:
    """Whether any of these is said to matter."""
    return lambda analysis: [any(row.name in names and row.verdict == SUPPORTED for row in analysis.influences)]


def interact(*pair: str) -> Judge:
    """Whether this pair, or any if none is named, is said to interact."""
    return lambda analysis: [any(r.found and (not pair or set(r.pair) == set(pair)) for r in analysis.interactions)]


def other_pairs(*pair: str) -> Judge:
    return lambda analysis: [any(r.found and set(r.pair) != set(pair) for r in analysis.interactions)]


def blamed(analysis: Analysis) -> list[set[str]]:
    """The hyperparameters, or the first pair of them, that failures are said to depend on."""
    found = [row for row in analysis.breaks if row.found] or analysis.corners[:1]
    return [{edge.name for edge in row.edges} for row in found]


def breaks_by(*names: str) -> Judge:
    """Whether failures are blamed on any of these, alone or together with any other of them."""
    return lambda analysis: [any(row <= set(names) for row in blamed(analysis))]


def breaks_by_others(*names: str) -> Judge:
    """Whether failures are blamed on any hyperparameter but these."""
    return lambda analysis: [any(row - set(names) for row in blamed(analysis))]


def at_end(*names: str) -> Judge:
    return lambda analysis: [any(crowd.name in names for crowd in analysis.crowds)]


def limit_covers(analysis: Analysis) -> list[bool]:
    """Whether the interval of the lr at which half of the trials fail holds 0.8 of the range."""
    limit = analysis.limits["lr"].overall if "lr" in analysis.limits else None
    if limit is None:
        return []
    low, high = DOMAINS["lr"].positions([limit.low, limit.high])
    return [low <= 0.8 <= high]


def exponent_covers(exponent: float) -> Judge:
    return lambda analysis: [law.low <= exponent <= law.high for law in (analysis.lr_law,) if law is not None]


def shares_cover(truth: Truth) -> Judge:
    """Whether the intervals of first-order and total indices hold those of the truth, to a whole percent."""

    def judge(analysis: Analysis) -> list[bool]:
        rows = [(row.share, *true_shares(truth)[row.name]) for row in analysis.influences]
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

    variance = score(np.random.default_rng(1).random((len(DOMAINS), 8192))).var()
    found = stats.sobol_indices(func=score, n=4096, dists=[stats.uniform()] * len(DOMAINS), rng=1)
    first, total = (np.clip(index, 0, 1) * variance for index in (found.first_order, found.total_order))
    return {name: (float(one), float(both)) for name, one, both in zip(DOMAINS, first, total, strict=True)}


def lead_covers(analysis: Analysis) -> list[bool]:
    pairs = analysis.study.paired("winner", "default")
    estimate = paired_difference(pairs["first"], pairs["second"])
    return [estimate.low <= 0.02 <= estimate.high]


def differences_covered(analysis: Analysis) -> list[bool]:
    """Whether the intervals of experiments hold the planted effects: 0.02 of lr, nothing of the others."""
    effects = {"lr": 0.02}
    results = analysis.results
    return [row.estimate.low <= effects.get(row.hypothesis.name, 0.0) <= row.estimate.high for row in results]


def idle_difference_claimed(analysis: Analysis) -> list[bool]:
    rows = [row for row in analysis.results if row.hypothesis.kind == ALONE and row.hypothesis.name != "lr"]
    return [any(row.verdict == SUPPORTED for row in rows)]


def harmful_default_left(analysis: Analysis) -> list[bool]:
    """Whether lr, whose default loses more than the standard deviation over seeds, is said to be safe there."""
    return [row.safe for row in analysis.expected_defaults if row.name == "lr"]


@cache
def _study(truth: Truth) -> Callable[[int], Study]:
    return lambda seed: planted(seed, truth)


@cache
def _confirmed(truth: Truth) -> Callable[[int], Study]:
    return lambda seed: with_confirmation(planted(seed, truth), 0.02, NOISE, 5, np.random.default_rng(seed))


def _experimented(seed: int) -> Study:
    study, rng = planted(seed, flat), np.random.default_rng(seed)
    return with_experiments(with_confirmation(study, 0.02, NOISE, 5, rng), {"lr": 0.02}, NOISE, 5, rng)


WITH_BATCH_SIZE, WITH_ACTIVATION = interacting(peak, lr_with_batch_size), interacting(bump, lr_with_activation)

# Rows of one truth stand together, so that they share the analyses that `analysis_of` keeps.
ROWS: dict[str, Row] = {
    "a hyperparameter that matters is found": Row(_study(peak), matters("lr"), POWER),
    "an irrelevant hyperparameter is said to matter": Row(_study(peak), matters("batch_size", "activation"), ERROR),
    "shares of the variance are covered (peak)": Row(_study(peak), shares_cover(peak), COVERAGE, 15),
    "the best lr is said to lie at an end, and does not": Row(_study(peak), at_end("lr"), ERROR),
    "anything is said to matter where nothing does": Row(_study(flat), matters(*DOMAINS), ERROR),
    "shares of the variance are covered (bump)": Row(_study(bump), shares_cover(bump), COVERAGE, 15),
    "an interaction is claimed where there is none (bump)": Row(_study(bump), interact(), ERROR),
    "an interaction is claimed where there is none (cliff)": Row(_study(cliff), interact(), ERROR),
    "lr x batch size, a fifth of the variance, is found": Row(
        _study(WITH_BATCH_SIZE), interact("lr", "batch_size"), POWER
    ),
    "shares of the variance are covered (interaction)": Row(
        _study(WITH_BATCH_SIZE), shares_cover(WITH_BATCH_SIZE), COVERAGE, 15
    ),
    "lr x activation, a fifth of the variance, is found": Row(
        _study(WITH_ACTIVATION), interact("lr", "activation"), POWER
    ),
    "another pair is named beside it": Row(_study(WITH_ACTIVATION), other_pairs("lr", "activation"), ERROR),
    "an optimum beyond the end of the range is found": Row(_study(beyond), at_end("lr"), POWER, 40),
    "a fifth of the space that diverges is found": Row(_study(diverging), breaks_by("lr"), POWER),
    "it is blamed on another hyperparameter": Row(_study(diverging), breaks_by_others("lr"), ERROR),
    "a fifth that fails only at large lr with large depth is found": Row(
        _study(together), breaks_by("lr", "depth"), POWER
    ),
    "that is blamed on another hyperparameter": Row(_study(together), breaks_by_others("lr", "depth"), ERROR),
    "failures by chance are blamed on something": Row(_study(failing_by_chance), breaks_by(*DOMAINS), ERROR),
    "the limit of lr is covered": Row(_study(breaking), limit_covers, COVERAGE),
    "the exponent of lr* against batch size is covered (1/2)": Row(
        _study(moving(0.5)), exponent_covers(0.5), CONSERVATIVE
    ),
    "the lead over the default is covered": Row(_confirmed(flat), lead_covers, COVERAGE),
    "differences between configurations are covered by experiments": Row(_experimented, differences_covered, COVERAGE),
    "an experiment claims a difference that is none": Row(_experimented, idle_difference_claimed, ERROR),
    "a default that costs accuracy is called safe": Row(_confirmed(bump), harmful_default_left, ERROR),
}


@lru_cache(maxsize=100)
def analysis_of(planted: Callable[[int], Study], seed: int) -> Analysis:
    return Analysis(planted(seed))


def judged(name: str, studies: int, first: int = 0) -> list[bool]:
    """Whether the report was right in every statement on that many studies."""
    row = ROWS[name]
    return [said for seed in range(first, first + studies) for said in row.judge(analysis_of(row.planted, seed))]


def main() -> int:
    from tests.reports.planted_truth import judged as by_name  # under a name that other processes can import

    parser = Parser(prog="python -m tests.reports.planted_truth", description=__doc__)
    parser.add_argument("--studies", type=count("studies", 1), default=300, help="per row (default 300)")
    studies, console, failed = parser.parse(None).studies, Console(), 0
    table = Table("what the report says of a known truth", "rate", "95% interval", "n", "wanted", box=None)
    with Parallel(n_jobs=-1) as pool:
        for name, row in track(ROWS.items(), console=console, description=f"{studies} studies each"):
            batches = [(start, min(10, studies - start)) for start in range(0, studies, 10)]
            said = list(chain.from_iterable(pool(delayed(by_name)(name, size, start) for start, size in batches)))
            found, (low, high, _) = rate(sum(said), len(said)), row.wanted
            right = low <= found.mean <= high
            failed += not right
            table.add_row(
                *(name, f"{found.mean:.1%}", f"[{found.low:.1%}, {found.high:.1%}]", str(found.n)),
                f"{low:.0%} to {high:.0%}{'' if right else '  MISSED'}",
            )
    console.print(table)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(exit_code("tests.reports.planted_truth", main))

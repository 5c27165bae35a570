"""Hypotheses about single hyperparameters, and what experiments over paired seeds say of them.

For each hyperparameter in which winner and default differ: the winner against itself with the default's level, all else
equal; and the ablation path from default to winner, one hyperparameter after the other (Fawcett & Hoos 2016, but in the
order of the configuration's fields, which is known before any run, instead of the largest gain first).
`python -m study.confirm` trains the configurations, here called arms.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from reports.finding import INCONCLUSIVE, SUGGESTIVE, SUPPORTED, Finding, signed_interval
from reports.frames import Study
from reports.influence import holm
from reports.scales import line
from reports.selection import finalists, of_levels
from reports.stats import Estimate, is_constant, paired_difference, pairs_needed

ALONE, PATH = "alone", "path"
SEEDS = 5  # over which arms are trained, at the least


class Arm(NamedTuple):
    """A configuration by its hyperparameters, without a seed."""

    name: str
    levels: dict[str, Any]


class Hypothesis(NamedTuple):
    """That changing one hyperparameter `before -> after` changes test accuracy, all else as in both arms."""

    kind: str
    name: str
    before: Any
    after: Any
    low: Arm
    high: Arm


class Result(NamedTuple):
    """The difference high - low over paired seeds; `p` is corrected for the hypotheses of the same kind, and so is
    `needed`, the seeds that would find a difference like this in four cases of five (by Bonferroni, which asks for
    more than Holm)."""

    hypothesis: Hypothesis
    estimate: Estimate
    p: float | None
    verdict: str
    needed: int | None
    runs: list[str]


def hypotheses_of(study: Study) -> list[Hypothesis]:
    """Every hypothesis about winner and default; empty without a confirmation, or if the default is the winner."""
    winner = finalists(study).get("winner")
    if winner is None:
        return []
    default = {name: study.space[name]["default"] for name in winner}
    differing = [name for name in study.searched if winner[name] != default[name]]
    top, made = Arm("winner", winner), []
    for name in differing:
        low = Arm(f"winner with {name}={_short(default[name])}", {**winner, name: default[name]})
        made.append(Hypothesis(ALONE, name, default[name], winner[name], low, top))
    step = Arm("default", default)
    for number, name in enumerate(differing, start=1):
        changed = ", ".join(f"{other}={_short(winner[other])}" for other in differing[:number])
        levels = {**step.levels, name: winner[name]}
        after = top if levels == winner else Arm(f"default with {changed}", levels)
        made.append(Hypothesis(PATH, name, default[name], winner[name], step, after))
        step = after
    return made


def arms_of(hypotheses: list[Hypothesis]) -> list[Arm]:
    """Each configuration of the hypotheses once, under its first name."""
    found: list[Arm] = []
    for hypothesis in hypotheses:
        for arm in (hypothesis.low, hypothesis.high):
            if all(arm.levels != other.levels for other in found):
                found.append(arm)
    return found


def of_arm(study: Study, arm: Arm) -> pd.Series:
    """Test accuracies of an arm's confirmation runs, indexed by seed."""
    return of_levels(study, arm.levels).set_index("seed")["test/accuracy"]


def missing_runs(study: Study, arm: Arm, seeds: int) -> int:
    return max(0, seeds - len(of_arm(study, arm)))


def seconds_of(study: Study, arm: Arm) -> float | None:
    """Estimated seconds of training one run of an arm, log-linear in the hyperparameters of the complete trials."""
    runs = study.trials[(study.trials.state == "complete") & study.trials.train_seconds.gt(0)]
    varied = [name for name in study.searched if runs[name].nunique() > 1]
    if len(runs) < 2 * (len(varied) + 1):
        return None
    both = pd.concat([runs[study.searched], pd.DataFrame([arm.levels])[study.searched]], ignore_index=True)
    blocks = [line(both[name], study.space[name]) for name in varied]
    design = np.hstack([np.ones((len(both), 1)), *blocks])
    fitted = np.linalg.lstsq(design[:-1], np.log(runs.train_seconds), rcond=None)[0]
    return float(np.exp(design[-1] @ fitted))


@lru_cache(maxsize=1)
def results_of(study: Study) -> list[Result]:
    """What the runs say of every hypothesis whose arms share at least two seeds."""
    results = []
    for kind in (ALONE, PATH):
        asked = [row for row in hypotheses_of(study) if row.kind == kind]
        tested = [_compared(study, row, len(asked)) for row in asked]
        tested = [row for row in tested if row is not None and row.estimate.n > 1]
        known = [number for number, row in enumerate(tested) if row.p is not None]
        for number, p in zip(known, holm([tested[number].p for number in known]) if known else [], strict=True):
            verdict = SUPPORTED if p < 0.05 else SUGGESTIVE if p < 0.2 else INCONCLUSIVE
            tested[number] = tested[number]._replace(p=p, verdict=verdict)
        results += tested
    return results


def _compared(study: Study, row: Hypothesis, tests: int) -> Result | None:
    from scipy.stats import ttest_1samp

    pair = pd.DataFrame({"low": of_arm(study, row.low), "high": of_arm(study, row.high)}).dropna()
    if pair.empty:
        return None
    difference = (pair.high - pair.low).to_numpy()
    p = float(ttest_1samp(difference, 0).pvalue) if len(pair) > 1 and not is_constant(difference) else None
    runs = [*of_levels(study, row.low.levels).run_id, *of_levels(study, row.high.levels).run_id]
    needed = pairs_needed(difference, level=1 - 0.05 / tests)
    return Result(row, paired_difference(pair.high, pair.low), p, INCONCLUSIVE, needed, runs)


def experiment_claims(study: Study) -> list[Finding]:
    """What each hyperparameter's change from default to winner does on its own, at the winner, by experiment."""
    return [_claim(result) for result in results_of(study) if result.hypothesis.kind == ALONE]


def _claim(result: Result) -> Finding:
    row, mean = result.hypothesis, result.estimate.mean
    does = f"{'raises' if mean > 0 else 'lowers'} test accuracy by {abs(mean):.4f}" if mean else "changes nothing"
    tested = f" (p = {result.p:.4f}, corrected)" if result.p is not None else ""
    claim = (
        f"{row.name} {_short(row.after)} instead of the default {_short(row.before)}, all else as in the winner, "
        f"{does} over paired seeds{tested}."
    )
    step = "" if result.verdict == SUPPORTED else _more_seeds(result)
    interval = signed_interval(result.estimate)
    return Finding("experiment", claim, f"{mean:+.4f}", interval, result.estimate.n, result.verdict, result.runs, step)


def _more_seeds(result: Result) -> str:
    n = result.estimate.n
    if result.estimate.low is None:
        return f"Equal differences show no spread to judge by: --seeds {max(SEEDS, 2 * n)}."
    if result.needed is None:
        return "To find a difference as small as this takes over 1,000 seeds: take whichever is cheaper."
    return f"--seeds {max(result.needed, n + 1)} would settle a difference of this size."


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def change(row: Hypothesis) -> str:
    """What a hypothesis changes, in words."""
    return f"{row.name} {_short(row.before)} -> {_short(row.after)}"

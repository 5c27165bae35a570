"""What a study tells its user to watch, and the command to run next."""

import shlex
from collections.abc import Callable
from typing import Any, NamedTuple

from reports.boundary import crowds
from reports.defaults import defaults, lies_in
from reports.effects import influence_verdict
from reports.experiments import SEEDS, arms_of, hypotheses_of, missing_runs, results_of, seconds_of
from reports.finding import INCONCLUSIVE, larger_study
from reports.frames import Study
from reports.lead import paired
from reports.scales import is_numeric, scaled
from reports.selection import failed, finalists, influences_of, interactions_of, of_finalist, shares_of, surrogate_of
from reports.stats import paired_difference
from reports.surrogate import LEAST_R2
from study.outputs.names import FINISHED

PASS, WARN, FAIL = "pass", "warn", "fail"
SMALL = 0.1  # a hyperparameter whose share is surely below this may be left at its default
SAMPLING = 0.03  # standard error of an accuracy, by which small validation sets differ from the truth
GAP = 0.01  # of accuracy, by which validation may flatter the winner
EXTENSION = 0.25  # of a range, on its own scale, where the best trials crowd at its end


class Check(NamedTuple):
    """A health check: its verdict, what was seen, and what to do about it."""

    status: str
    text: str
    next_step: str = ""


class Step(NamedTuple):
    """A command to run next, and what for."""

    why: str
    command: str


def health(study: Study) -> list[Check]:
    """What a reader should know before trusting the findings."""
    return [check for make in CHECKS if (check := make(study)) is not None]


def _size(study: Study) -> Check:
    designed, asked = len(study.explored), len(study.searched)
    if designed >= 8 * asked:
        return Check(PASS, f"{designed} designed trials for {asked} hyperparameters.")
    status = WARN if designed >= 4 * asked else FAIL
    step = "Needed: " + larger_study(study, 8 * asked)
    return Check(status, f"Only {designed} designed trials for {asked} hyperparameters.", step)


def _pictures(study: Study) -> Check | None:
    """Whether there are enough validation pictures to tell trials apart."""
    count = int(study.tags.get("study.validation_pictures", 0))
    if not count:
        return None
    chance = float(study.tags["study.chance"])
    error = max((p * (1 - p) / count) ** 0.5 for p in (chance, 0.9))
    text = f"There are {count:,} validation pictures: one trial's accuracy is known to about {1.96 * error:.3f}."
    if error <= SAMPLING:
        return Check(PASS, text)
    return Check(WARN, text, "Less than that, also above chance, may lie in the choice of pictures: more are needed.")


def _finished(study: Study) -> Check:
    wanted, done = int(study.tags.get("study.trials", 0)), int(study.trials.state.isin(FINISHED).sum())
    if done >= wanted:
        return Check(PASS, f"All {done} trials are finished.")
    step = "Repeat the study's command: it goes on from here."
    return Check(WARN, f"{done} of {wanted} trials are finished; this report is of a part.", step)


def _failures(study: Study) -> Check:
    if not len(study.explored):
        return Check(FAIL, "No designed trial is finished.", "Repeat the study's command.")
    share = failed(study).mean()
    if share <= 0.2:
        return Check(PASS, f"{share:.0%} of the designed trials failed to train.")
    status = WARN if share <= 0.5 else FAIL
    step = "Narrow the range that the failures lie in: the rest would be studied more closely."
    return Check(status, f"{share:.0%} of the designed trials failed to train.", step)


def _confirmation(study: Study) -> Check:
    seeds = min((of_finalist(study, role).seed.nunique() for role in finalists(study)), default=0)
    if seeds >= 5:
        return Check(PASS, f"The finalists were confirmed over {seeds} fresh seeds.")
    step = "Repeat the study's command with --confirm-seeds 5."
    return Check(WARN if seeds else FAIL, f"The finalists were confirmed over {seeds} fresh seeds.", step)


def _worse(study: Study) -> Check | None:
    """Whether the winner of the search lost to the default on the test pictures."""
    pairs = paired(study, "winner", "default")
    difference = paired_difference(pairs["first"], pairs["second"]) if len(pairs) else None
    if difference is None or difference.high is None or difference.high >= 0:
        return None
    return Check(FAIL, "The winner of the search does worse than the default.", "Use the default configuration.")


def _versions(study: Study) -> Check:
    seen = study.runs.versions.dropna().unique()
    commits = study.runs["mlflow.source.git.commit"].dropna().unique()
    if any(commit.endswith("+changes") for commit in commits):
        text = "Some runs were made by code with changes that no commit holds."
        return Check(WARN, text, "Commit before the next study, so that its runs can be made again.")
    if len(seen) <= 1 and len(commits) <= 1:
        return Check(PASS, "All runs were made by the same code and library versions.")
    text = f"Runs were made by {len(commits)} versions of the code and {len(seen)} sets of libraries."
    return Check(WARN, text, "Compare runs across them with care.")


def _surrogate(study: Study) -> Check | None:
    surrogate = surrogate_of(study)
    if surrogate is None:
        return None
    text = f"The surrogate predicts {max(surrogate.r2, 0):.0%} of the variance in trials that it has not seen."
    if surrogate.r2 >= LEAST_R2:
        return Check(PASS, text)
    step = "Too little to rank hyperparameters by: more designed trials, or ranges in which more than chance happens."
    return Check(WARN, text, step)


def _balance(study: Study) -> Check | None:
    """Whether the designed trials that trained lie evenly over each hyperparameter."""
    trained = study.explored[~failed(study)]
    if len(trained) < 8:
        return None
    thin = []
    for name in study.searched:
        row = study.space[name]
        if is_numeric(row):
            halves = (scaled(trained[name], row) >= 0.5).mean()
            thin += [name] if min(halves, 1 - halves) < 0.2 else []
        else:
            counts = trained[name].value_counts().reindex(row["options"], fill_value=0)
            thin += [name] if counts.min() < 0.4 * len(trained) / len(counts) else []
    if not thin:
        return Check(PASS, "The designed trials that trained are spread evenly over every hyperparameter.")
    step = "There little is known: narrow the range to where training works, or add designed trials."
    return Check(WARN, f"The designed trials that trained leave parts of {', '.join(thin)} nearly empty.", step)


def _gap(study: Study) -> Check | None:
    """Whether the winner does on the test pictures what it did in validation, over the same runs."""
    runs = of_finalist(study, "winner").dropna(subset=["objective", "test/accuracy"])
    if len(runs) < 2:
        return None
    gap = paired_difference(runs.objective, runs["test/accuracy"])
    text = f"The winner's validation accuracy is {gap.mean:+.4f} from its test accuracy, over {gap.n} seeds."
    if gap.low is None or gap.low <= GAP:
        return Check(PASS, text)
    return Check(WARN, text, "Test pictures are harder than validation pictures: rely on the test figures.")


CHECKS: tuple[Callable[[Study], Check | None], ...] = (
    _size,
    _pictures,
    _finished,
    _failures,
    _surrogate,
    _balance,
    _confirmation,
    _gap,
    _worse,
    _versions,
)


def next_steps(study: Study) -> list[Step]:
    """What to run next, the cheapest first: the experiments that are missing, then the next study."""
    steps = []
    if (missing := _missing_experiments(study)) is not None:
        steps.append(Step(missing, _command(study, "study.confirm", "--study", study.name)))
    if (command := next_command(study)) is not None:
        steps.append(Step(_why(study), command))
    return steps


def _missing_experiments(study: Study) -> str | None:
    arms, seeds = arms_of(hypotheses_of(study)), max(SEEDS, len(of_finalist(study, "winner")))
    runs = {arm.name: missing_runs(study, arm, seeds) for arm in arms}
    if not sum(runs.values()):
        return None
    seconds = [seconds_of(study, arm) for arm in arms]
    cost = "" if None in seconds else f", about {sum(s * n for s, n in zip(seconds, runs.values(), strict=True)):.0f} s"
    todo = f"{sum(runs.values())} runs{cost} of training"
    return f"Experiments that tell what each change from default to winner does, {todo}:"


def _why(study: Study) -> str:
    extended, fixed = _extended(study), _fixed(study)
    changes = [f"the range of {' and '.join(extended)} extended at the end where the best lie"] if extended else []
    changes += [f"{' and '.join(fixed)} at the default, where little can be gained"] if fixed else []
    return f"The study again with {', and '.join(changes)}:"


def _fixed(study: Study) -> dict[str, Any]:
    """Hyperparameters that show no influence, alone or in a pair, with the default that is kept in the next study.

    Not those whose default an experiment or the surrogate finds costly.
    """
    shares, paired = shares_of(study), {name for row in interactions_of(study) if row.found for name in row.pair}
    unclear = [row.name for row in influences_of(study) if influence_verdict(row) == INCONCLUSIVE]
    gains = {row.hypothesis.name for row in results_of(study) if row.verdict != INCONCLUSIVE and row.estimate.mean > 0}
    gains |= {row.name for row in defaults(study) if row.gain > row.margin}
    known = [name for name in unclear if name in shares and name not in paired | gains]
    idle = [name for name in known if shares[name].total_high < SMALL and name not in _extended(study)]
    kept = {name: study.space[name]["default"] for name in idle}
    return {name: value for name, value in kept.items() if lies_in(value, study.space[name])}


def next_command(study: Study) -> str | None:
    """The study to run after this one: ranges extended where the best crowd, defaults where little can be gained.

    None if this one leaves nothing to change.
    """
    extended, fixed = _extended(study), _fixed(study)
    if (not extended and not fixed) or len(fixed) == len(study.searched):
        return None
    words = ["--dataset", study.tags["study.dataset"], "--model", study.tags["study.model"]]
    words += ["--trials", study.tags["study.trials"], "--study", f"{study.name}-next"]
    words += [word for name in ("sampler", "pruner") for word in (f"--{name}", study.tags[f"study.{name}"])]
    for name, row in study.space.items():
        value = extended.get(name, fixed.get(name, _given(row)))
        words += [_flag(name), str(value)]
    return _command(study, "study.run", *words)


def _command(study: Study, module: str, *words: str) -> str:
    """A command to paste, which finds the stores and the data where the study has them."""
    places = shlex.split(study.tags.get("study.places", ""))
    return shlex.join(["python", "-m", module, *words, *places])


def _extended(study: Study) -> dict[str, str]:
    """New ranges of the hyperparameters whose best trials lie at an end."""
    found: dict[str, tuple[float, float]] = {}
    for crowd in crowds(study):
        row = study.space[crowd.name]
        low, high = found.get(crowd.name, (row["low"], row["high"]))
        least, most = row.get("accepted", (low, high))  # without limits known, the range stays
        stretch = (row["high"] / row["low"]) ** EXTENSION if row["log"] else (row["high"] - row["low"]) * EXTENSION
        if crowd.side == "lower":
            low = max(least, low / stretch if row["log"] else low - stretch)
        else:
            high = min(most, high * stretch if row["log"] else high + stretch)
        found[crowd.name] = (round(low), round(high)) if isinstance(row["low"], int) else (low, high)
    return {name: f"{low:.6g}:{high:.6g}" for name, (low, high) in found.items()}


def _given(row: dict[str, Any]) -> str:
    if row["kind"] == "range":
        return ":".join(str(end) if isinstance(end, int) else f"{end:g}" for end in (row["low"], row["high"]))
    return ",".join(map(str, row["options"])) if row["kind"] == "choice" else str(row["default"])


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")

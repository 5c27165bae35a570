"""A study's description: Markdown for the tracker's page, and tags for the report."""

import json
import shlex
from argparse import Namespace
from collections.abc import Mapping

from hyperstudy.study.comparisons.reranking import CANDIDATES, SEEDS
from hyperstudy.study.core.config import Config
from hyperstudy.study.core.domains import Choice, Dimension, dimension
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.loops import LoopConfig
from hyperstudy.study.core.own import OwnFile
from hyperstudy.study.core.plan import Plan
from hyperstudy.study.core.text import code, line, markdown
from hyperstudy.study.outputs import environment
from hyperstudy.study.outputs.names import ROLES
from hyperstudy.study.outputs.objective import TAG, Objective
from hyperstudy.study.search.design import explore_size
from hyperstudy.study.studies.options import places, trial_hardware
from hyperstudy.study.tasks.task import Task

DECISION = "study.decision"  # the tag that says what to use
FILE = "study.file"  # the tag that says where the user's own file lies
FINALISTS = "study.finalists"  # the tag with the latest finalists' hyperparameters by role
LONGEST = 19_000  # characters of a tag or the note: MLflow allows 20,000, and the decision will head the note


def describe(options: Namespace, plan: Plan, task: Task, objective: Objective) -> tuple[str, dict[str, str]]:
    """A study's note and tags; raises `InputError` where its hyperparameters are too many for MLflow to keep them."""
    about, kept = note(options, plan, task, objective), tags(options, plan, task, objective)
    longest = max(map(len, (about, *kept.values(), _finalists_at_most(plan))))
    if longest > LONGEST:
        raise InputError(
            f"a study's hyperparameters must take up to {LONGEST:,} characters in MLflow; got "
            f"{len(plan.dimensions())} of {longest:,} characters"
        )
    return about, kept


def _finalists_at_most(plan: Plan) -> str:
    """What `FINALISTS` will hold, if each value is its hyperparameter's longest."""
    widest = {name: max(_texts(row), key=len) for name, row in plan.dimensions().items()}
    return json.dumps(dict.fromkeys(ROLES, widest))


def _texts(row: Dimension) -> list[str]:
    levels = row.domain.options if isinstance(row.domain, Choice) else (0.1 + 0.2,)  # a float of as many digits as any
    return [str(row.default), *map(str, levels)]


def note(options: Namespace, plan: Plan, task: Task, objective: Objective) -> str:
    """Question, space, command and machine."""
    explored = explore_size(options.trials)
    searched = ", ".join(map(markdown, plan.space))
    rows = [
        f"| {markdown(name)} | {markdown(row.describe())} | {markdown(row.default)} |"
        for name, row in plan.dimensions().items()
    ]
    versions = ", ".join(f"{name} {version}" for name, version in environment.versions().items())
    lines = [
        f"How do {searched} affect what {_subject(plan)} reaches, and which configuration is best?",
        "",
        f"- **explore**: {explored} designed trials (scrambled Sobol, seed {plan.base.seed}), never pruned",
        f"- **search**: {options.trials - explored} trials by `{options.sampler}`, pruned by `{options.pruner}`",
        *_choosing(options.confirm_seeds, objective),
        "",
        "| hyperparameter | searched in | default |",
        "|---|---|---|",
        *rows,
        "",
        f"Objective: {markdown(objective.label)} after the last epoch, {objective.direction}. {task.about()}".strip(),
        "",
        f"    {line(options.command)}",
        "",
        f"{versions}; commit `{environment.commit()}`; {markdown(trial_hardware(options))}.",
    ]
    return "\n".join(lines)


def _subject(plan: Plan) -> str:
    names = plan.base.subject()
    if "loop" in names:
        return f"loop {code(names['loop'])}"
    return f"model {code(names['model'])} on {code(names['dataset'])}"


def _choosing(seeds: int, objective: Objective) -> list[str]:
    """How the winner is found after the search."""
    if not seeds:
        return ["- nothing is re-ranked or confirmed"]
    return [
        f"- **rerank**: the {CANDIDATES} best and the default over up to {SEEDS} fresh seeds, on validation; the "
        "default wins unless a candidate leads it by more than the standard error",
        f"- **confirm**: winner, runner-up and default over {seeds} other seeds"
        + (", then the test data" if objective.test_key else "; there is no test metric"),
    ]


def tags(options: Namespace, plan: Plan, task: Task, objective: Objective) -> dict[str, str]:
    """Tags that describe the study as a whole; each value is JSON or plain text."""
    guess = task.guess(objective)
    return {
        **task.tags(plan),
        **({} if guess is None else {"study.chance": str(guess)}),
        TAG: json.dumps(objective._asdict()),
        "study.space": json.dumps({name: row.as_dict() for name, row in plan.dimensions().items()}),
        "study.trials": str(options.trials),
        "study.sampler": options.sampler,
        "study.pruner": options.pruner,
        "study.hardware": trial_hardware(options),
        "study.command": options.command,
        "study.places": shlex.join(places(options)),
        **({FILE: str(options.own.path)} if isinstance(options.own, OwnFile) else {}),
    }


def plan_of(tags: Mapping[str, str]) -> Plan:
    """The plan of a study that keeps these tags; raises `InputError` if the file that it needs was not run."""
    rows = {name: dimension(row) for name, row in json.loads(tags["study.space"]).items()}
    usual = {name: row.default for name, row in rows.items()}
    subject = {name: tags[key] for name in ("dataset", "model", "loop") if (key := f"study.{name}") in tags}
    base = LoopConfig(**subject, **usual) if "loop" in subject else Config(**subject, **usual)
    return Plan(base, {name: row.domain for name, row in rows.items() if row.domain is not None})

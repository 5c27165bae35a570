"""An ablation: the configurations between default and winner that have no run yet, trained over paired seeds."""

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from hyperstudy.study.comparisons.arms import SEEDS, Hypothesis, arms_of, hypotheses
from hyperstudy.study.comparisons.finalists import confirmed
from hyperstudy.study.core.errors import InputError, Parser, count
from hyperstudy.study.core.params import AnyConfig
from hyperstudy.study.core.plan import Plan
from hyperstudy.study.outputs.names import FINISHED, WINNER
from hyperstudy.study.outputs.objective import Objective, objective_of
from hyperstudy.study.studies.description import FINALISTS, plan_of
from hyperstudy.study.studies.file import add_own, own_of
from hyperstudy.study.studies.options import add_machine, settle_machine, trial_device
from hyperstudy.study.studies.scratch import scratch
from hyperstudy.study.studies.session import SETTINGS, begun_earlier, open_session
from hyperstudy.study.studies.summary import gain, print_failures, print_report_command
from hyperstudy.study.studies.view import make_console
from hyperstudy.study.tasks.opening import open_task
from hyperstudy.study.tracking.experiments import find_study
from hyperstudy.study.tracking.store import existing
from hyperstudy.study.tracking.tracker import Run, Tracker
from hyperstudy.study.workers.pool import make_pool

CHEAP = 1 / 3  # of a study's epochs: an ablation that takes less belongs to the study


def parse_options(words: list[str] | None) -> Namespace:
    """The checked options of `python -m study.ablate`."""
    parser = Parser(
        prog="python -m study.ablate",
        description="Train the configurations between a study's default and its winner, over paired seeds; the next "
        "report says what each change does.",
        allow_abbrev=False,
    )
    parser.add_argument("--study", metavar="NAME", help="default: the latest")
    seeds = f"per configuration (default: as many as the finalists have, at least {SEEDS})"
    parser.add_argument("--seeds", type=count("seeds", 2), metavar="N", help=seeds)
    add_own(parser)
    add_machine(parser)
    options = parser.parse(words)
    settle_machine(options)
    return options


@scratch()
def ablate(options: Namespace) -> int:
    """Train the arms that are missing and print each difference; 0 if there are none or all finished."""
    console = make_console()
    existing(options.tracking_uri)
    options.study = find_study(options.tracking_uri, options.study)
    tracker = Tracker(options.tracking_uri, options.study)
    tags, options.own = tracker.tags(), own_of(tracker, options)
    if FINALISTS not in tags:
        command = tags.get("study.command", "python -m study.run")
        raise InputError(
            f"study {options.study!r} has no confirmed winner yet; go on with it, and with --confirm-seeds 5: {command}"
        )
    plan = plan_of(tags)
    asked = hypotheses(json.loads(tags[FINALISTS])[WINNER], plan.base.hyperparameters(), plan.space)
    if not asked:
        console.print(f"{options.study}: the default configuration is the winner, so there is nothing to compare")
        return 0
    objective = objective_of(tags)
    configs = _configs(plan, asked)
    complete = _train(console, options, tracker, plan, configs)
    _summarise(console, options, confirmed(tracker.runs(), configs, objective), asked, objective)
    return 0 if complete else 1


def cheap_arms(
    runs: Sequence[Run], plan: Plan, roles: Mapping[str, AnyConfig], seeds: int, objective: Objective
) -> dict[str, AnyConfig]:
    """The arms between default and winner, if those that are missing take less than a third of the epochs of the
    study's finished runs; none otherwise, or if the default is the winner. Epochs, not seconds, so that the same
    study decides the same on any machine."""
    arms = _configs(plan, hypotheses(roles[WINNER].hyperparameters(), plan.base.hyperparameters(), plan.space))
    there = confirmed(runs, arms, objective)
    missing = sum(max(0, seeds - len(found)) for found in there.values())
    known = [run.metrics["epochs"] for found in there.values() for run in found]
    spent = sum(run.metrics.get("epochs", 0.0) for run in runs if run.state in FINISHED)
    cheap = missing and known and missing * sum(known) / len(known) < CHEAP * spent
    return arms if cheap else {}


def _configs(plan: Plan, asked: Sequence[Hypothesis]) -> dict[str, AnyConfig]:
    """The configuration of each arm by its name."""
    return {arm.name: plan.base.replace(**arm.levels) for arm in arms_of(asked)}


def _train(
    console: Console, options: Namespace, tracker: Tracker, plan: Plan, configs: Mapping[str, AnyConfig]
) -> bool:
    """Train what is missing; whether all of it finished. The data must be those of the study."""
    if (kept := tracker.tags().get(SETTINGS)) is None:
        raise begun_earlier(tracker)
    task, objective, wanted = open_task(plan, options.data_dir), objective_of(tracker.tags()), json.loads(kept)
    digest = task.settings().get("data digest")
    if digest != wanted.get("data digest"):
        raise InputError(
            f"the pictures of {plan.base.dataset} are not those of study {tracker.experiment!r}: their digest must be "
            f"{wanted['data digest']}; got {digest}"
        )
    there = confirmed(tracker.runs(), configs, objective)
    seeds = options.seeds or max(SEEDS, len(there[WINNER]))
    missing = sum(max(0, seeds - len(runs)) for runs in there.values())
    _announce(console, tracker.experiment, there, seeds, missing)
    if not missing:
        return True
    with (
        make_pool(trial_device(options), options.workers, missing, options.own, options.cluster) as pool,
        open_session(console, tracker, pool, options, task, tuple(plan.space), objective) as session,
    ):
        jobs = session.confirm(plan, configs, seeds)
    print_failures(console, session.driver)
    return not session.driver.failures and jobs.finished == jobs.total


def _announce(console: Console, study: str, there: Mapping[str, Sequence[Run]], seeds: int, missing: int) -> None:
    """Say how many runs are missing and about how long they train: as long as those that are there, which lie at both
    ends of the path."""
    line = f"{study}: {missing} runs missing of {len(there)} configurations over {seeds} seeds"
    seconds = [run.metrics["train_seconds"] for runs in there.values() for run in runs]
    if missing and seconds:
        line += f", about {missing * sum(seconds) / len(seconds):.0f} s of training"
    console.print(line, highlight=False, soft_wrap=True)


def _summarise(
    console: Console,
    options: Namespace,
    there: Mapping[str, Sequence[Run]],
    asked: Sequence[Hypothesis],
    objective: Objective,
) -> None:
    """Print every change with its difference, and how to make the report."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("", "change", "difference [95%]", "seeds"):
        table.add_column(heading, no_wrap=True)
    for row in asked:
        difference = gain(there[row.high.name], there[row.low.name], objective)
        table.add_row(row.kind, row.change, str(difference), str(difference.n))
    console.print(table)
    console.print(
        f"differences are in {objective.confirmed.name}; alone: all else as in the winner; path: from default to "
        "winner, step by "
        "step. The report corrects them for their number.",
        highlight=False,
        soft_wrap=True,
    )
    print_report_command(console, options)

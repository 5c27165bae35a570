"""A study that this process drives, and the settings that make it this study."""

import json
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console

from hyperstudy.study.comparisons.finalists import finished, over_seeds
from hyperstudy.study.core.config import HYPERPARAMETERS
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.own import OwnFile
from hyperstudy.study.core.params import AnyConfig, from_params
from hyperstudy.study.core.plan import Plan
from hyperstudy.study.outputs import environment
from hyperstudy.study.outputs.names import CONFIRM, EXPLORE, SEARCH
from hyperstudy.study.outputs.objective import ACCURACY, Objective
from hyperstudy.study.search.slots import Jobs
from hyperstudy.study.studies.driver import Driver
from hyperstudy.study.studies.view import View, make_view
from hyperstudy.study.tasks.task import Task
from hyperstudy.study.tracking.lock import sole_driver
from hyperstudy.study.tracking.lost import check_files, keeping, lost
from hyperstudy.study.tracking.tracker import Tracker, dataset_input
from hyperstudy.study.workers.pool import Pool

SETTINGS, TARGETS = "study.settings", "study.targets"  # experiment tags: settings, and numbers of trials


@dataclass(frozen=True)
class Session:
    """A study that this process drives: its tracker, pool and driver, and the task that its workers have."""

    console: Console
    tracker: Tracker
    pool: Pool
    view: View
    driver: Driver
    options: Namespace
    task: Task

    @property
    def objective(self) -> Objective:
        return self.driver.objective

    def data(self) -> list[Any]:
        """The data as the tracker records them."""
        place = str(self.options.data_dir)
        return [dataset_input(row.name, row.digest, place, row.context, row.counts) for row in self.task.inputs()]

    def train(self, phase: str, wanted: Sequence[tuple[str, AnyConfig]], title: str) -> Jobs:
        """Train the configurations, each under its role, that have no finished run in that phase yet."""
        done = {from_params(run.params) for run in finished(self.tracker.runs(), phase)}
        jobs = Jobs(phase, wanted, done)
        if jobs.finished < jobs.total:
            self.driver.run(jobs, title, self.data())
        return jobs

    def confirm(self, plan: Plan, configs: Mapping[str, AnyConfig], seeds: int, title: str = "confirmation") -> Jobs:
        """Train configurations over fresh seeds; the test data are read here and nowhere else."""
        tested = replace(self, task=self.task.tested(plan, self.options.data_dir))
        self.pool.load(tested.task)
        return tested.train(CONFIRM, over_seeds(configs, seeds), f"{self.tracker.experiment} {title}")


@contextmanager
def open_session(
    console: Console,
    tracker: Tracker,
    pool: Pool,
    options: Namespace,
    task: Task,
    shown: Sequence[str],
    objective: Objective = ACCURACY,
) -> Iterator[Session]:
    """Drive the tracker's study alone. `shown` names the hyperparameters that tell one trial from another. What was
    lost of the study is named. A request to stop prints how to go on."""
    try:
        with sole_driver(tracker) as check:
            tracker.close_left_open()
            check_files(tracker)
            missing = lost(tracker)
            pool.load(task)
            with make_view(console, tuple(shown), objective) as view:
                if missing:
                    note = f"{tracker.experiment}: {missing}; the study's command trains again what it needs of them"
                    view.note(note)
                kept = {options.own.name: options.own.content} if isinstance(options.own, OwnFile) else {}
                guess, tags = task.guess(objective), environment.run_tags()
                driver = Driver(pool, tracker, view, objective, guess, tags, check, kept, keeping(tracker))
                yield Session(console, tracker, pool, view, driver, options, task)
            tracker.close_left_open()  # a run that was begun twice, since the answer to the first request was lost
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on from here")
        raise


def settle(tracker: Tracker, kind: str, values: Mapping[str, str]) -> None:
    """Keep a study's settings in an experiment tag, or raise `InputError` with what differs from those kept there.

    A hyperparameter that the study did not know when it began has its default.
    """
    if kind not in tracker.tags():
        if any(run.phase in (EXPLORE, SEARCH) for run in tracker.runs()):
            raise begun_earlier(tracker)
        tracker.tag(kind, json.dumps(values))
        return
    kept = json.loads(tracker.tags()[kind])
    known = {"objective": ACCURACY.key, **{name: str(row.default) for name, row in HYPERPARAMETERS.items()}} | kept
    changes = [
        f"{name} {known.get(name, 'none')} (now {value})"
        for name, value in values.items()
        if value != known.get(name, "none")
    ]
    if changes:
        raise InputError(
            f"study {tracker.experiment!r} exists with other settings: {'; '.join(changes)}. "
            f"Repeat those, or give the new study a name of its own with --study"
        )


def begun_earlier(tracker: Tracker) -> InputError:
    """The error for a study whose settings were not kept in the tracker."""
    return InputError(
        f"study {tracker.experiment!r} was begun with an earlier version, which alone can go on with it: "
        f"give the new study a name of its own with --study"
    )


def grow(tracker: Tracker, trials: int) -> list[int]:
    """The numbers of trials that the study was asked for, one after another; raises `InputError` if it has more."""
    targets = json.loads(tracker.tags().get(TARGETS, "[]"))
    if targets and trials < targets[-1]:
        raise InputError(
            f"study {tracker.experiment!r} already has {targets[-1]} trials, and can only grow; got {trials}"
        )
    if trials not in targets:
        targets.append(trials)
        tracker.tag(TARGETS, json.dumps(targets))
    return targets


def settings(options: Namespace, plan: Plan, task: Task, objective: Objective) -> dict[str, str]:
    """What makes a study this study, as text; the number of trials, seeds and workers may change."""
    values: dict[str, Any] = {
        name: f"{plan.space[name]} searched" if name in plan.space else value
        for name, value in plan.base.hyperparameters().items()
    }
    data = {**plan.base.subject(), **task.settings()}
    how = {"sampler": options.sampler, "pruner": options.pruner, "objective": objective.key}
    if options.own:
        how["file"] = options.own.setting
    how["after"] = options.after or "none"
    return {name: str(value) for name, value in {**data, **values, **how}.items()}

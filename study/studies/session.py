"""A study from its options to its last line: explore, search, confirm, register the winner, sum up."""

import json
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape

from study.comparisons.finalists import crown, finalists, finished, over_seeds, ranking
from study.core.config import HYPERPARAMETERS, Config, default_of, from_params
from study.core.data import Splits, digest_of, load_test
from study.core.errors import InputError
from study.core.plan import Plan, read_splits
from study.core.train import device as find_device
from study.outputs import environment
from study.outputs.names import CONFIRM, DIVERGED, EXPLORE, SEARCH
from study.search.slots import Jobs
from study.search.trials import Record, Trials
from study.studies.description import FINALISTS, note, tags
from study.studies.driver import Driver
from study.studies.summary import print_summary
from study.studies.view import View, make_console, make_view
from study.tracking.lock import sole_driver
from study.tracking.store import sqlite_file
from study.tracking.tracker import Run, Tracker, dataset_input
from study.workers.pool import Pool, make_pool

SETTINGS, TARGETS = "study.settings", "study.targets"  # experiment tags: settings, and numbers of trials


@dataclass(frozen=True)
class Session:
    """A study that this process drives: its tracker, pool and driver, and the pictures that its workers have."""

    console: Console
    tracker: Tracker
    pool: Pool
    view: View
    driver: Driver
    options: Namespace
    splits: Splits

    def data(self) -> list[Any]:
        """The pictures as the tracker records them."""
        counts = {"training": len(self.splits.train.labels), "validation": len(self.splits.val.labels)}
        place = str(self.options.data_dir)
        found = [dataset_input(self.options.dataset, self.splits.digest, place, "training", counts)]
        if (test := self.splits.test) is not None:
            digest = digest_of(test.images.numpy(), test.labels.numpy(), self.splits.classes)
            name, count = f"{self.options.dataset} (test)", {"testing": len(test.labels)}
            found.append(dataset_input(name, digest, place, "testing", count))
        return found

    def train(self, phase: str, wanted: Sequence[tuple[str, Config]], title: str) -> Jobs:
        """Train the configurations, each under its role, that have no finished run in that phase yet."""
        done = {from_params(run.params) for run in finished(self.tracker.runs(), phase)}
        jobs = Jobs(phase, wanted, done)
        if jobs.finished < jobs.total:
            self.driver.run(jobs, title, self.data())
        return jobs

    def confirm(self, plan: Plan, configs: Mapping[str, Config], seeds: int) -> Jobs:
        """Train configurations over fresh seeds; the test pictures are read here and nowhere else."""
        test = load_test(plan.base.dataset, self.options.data_dir, plan.largest_side)
        test = test.with_channels(self.splits.shape[0])
        test = test.resized(plan.base.image_size) if plan.same_pictures else test
        tested = replace(self, splits=self.splits._replace(test=test))
        self.pool.load(tested.splits)
        return tested.train(CONFIRM, over_seeds(configs, seeds), f"{self.tracker.experiment} confirmation")


@contextmanager
def open_session(
    console: Console, tracker: Tracker, pool: Pool, options: Namespace, splits: Splits, shown: Sequence[str]
) -> Iterator[Session]:
    """Drive the tracker's study alone. `shown` names the hyperparameters that tell one trial from another. A request
    to stop prints how to go on."""
    try:
        with sole_driver(tracker) as check:
            tracker.close_left_open()
            pool.load(splits)
            with make_view(console, tuple(shown)) as view:
                driver = Driver(pool, tracker, view, splits.chance, environment.run_tags(), check)
                yield Session(console, tracker, pool, view, driver, options, splits)
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on from here", markup=False)
        raise


def conduct(options: Namespace, plan: Plan) -> int:
    """Run what is missing of a study; 0 if all of its trials are finished then, 1 if some failed."""
    console, device = make_console(), find_device(options.device)
    with make_pool(device, options.workers, options.trials) as pool:  # workers import while pictures are read
        with console.status(f"reading {escape(options.dataset)}"):
            splits = read_splits(plan, options.data_dir)
        tracker = Tracker(options.tracking_uri, options.study)
        tracker.create()
        with open_session(console, tracker, pool, options, splits, tuple(plan.space)) as session:
            settle(tracker, SETTINGS, settings(options, plan, splits))
            targets = grow(tracker, options.trials)
            tracker.describe(note(options, plan, splits, device), tags(options, plan, splits, device))
            trials = explore_and_search(session, plan, targets)
            roles = finalists(tracker.runs(), plan.base)
            if roles and options.confirm_seeds:
                tracker.tag(FINALISTS, json.dumps({role: config.hyperparameters() for role, config in roles.items()}))
                session.confirm(plan, roles, options.confirm_seeds)
            check_still_there(tracker)
            if roles:
                with console.status("registering the winner's model"):
                    crown(tracker, roles, splits)
    print_summary(console, tracker, options, roles, session.driver)
    return 1 if session.driver.failures or trials.finished < trials.total else 0


def explore_and_search(session: Session, plan: Plan, targets: Sequence[int]) -> Trials:
    """Train the designed and the searched trials that have no finished run yet."""
    tracker, options, runs = session.tracker, session.options, session.tracker.runs()
    trials = Trials(plan, options.sampler, options.pruner, targets, records(tracker, runs, plan.space))
    if ranked := ranking(runs):
        session.view.best = ranked[0].metrics["objective"], ranked[0].name
    session.driver.run(trials, tracker.experiment, session.data())
    return trials


def check_still_there(tracker: Tracker) -> None:
    """Raise `InputError` if the database file was removed: what is written to it now is lost without an error."""
    if (file := sqlite_file(tracker.uri)) and not file.exists():
        raise InputError(f"store {tracker.uri!r} was removed while the study ran, and its trials with it")


def records(tracker: Tracker, runs: Sequence[Run], searched: Iterable[str]) -> list[Record]:
    """The finished trials among the runs, in the order of their slots; the first where a slot has several."""
    done = {int(run.tags["trial"]): run for phase in (EXPLORE, SEARCH) for run in reversed(finished(runs, phase))}
    curves = dict(tracker.curves(done.values()))
    names = list(searched)
    made = []
    for slot, run in sorted(done.items()):
        config = from_params(run.params)
        accuracy = [epoch["val/accuracy"] for epoch in curves[run.run_id] if "val/accuracy" in epoch]
        if run.state == DIVERGED:
            accuracy = accuracy[:-1]
        params = {name: getattr(config, name) for name in names}
        times = (datetime.fromtimestamp(ms / 1000) for ms in (run.start_ms, run.end_ms or run.start_ms))
        made.append(Record(slot, params, accuracy, run.state, run.metrics["objective"], *times))
    return made


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
    known = {name: str(default_of(name)) for name in HYPERPARAMETERS} | kept
    changes = [
        f"{name} {known.get(name, 'none')} (now {value})" for name, value in values.items() if value != known.get(name)
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


def settings(options: Namespace, plan: Plan, splits: Splits) -> dict[str, str]:
    """What makes a study this study, as text; the number of trials, seeds and workers may change."""
    values: dict[str, Any] = {
        name: f"{plan.space[name]} searched" if name in plan.space else value
        for name, value in plan.base.hyperparameters().items()
    }
    data = {"dataset": options.dataset.partition(":")[0], "data digest": splits.digest, "model": options.model}
    how = {"sampler": options.sampler, "pruner": options.pruner}
    return {name: str(value) for name, value in {**data, **values, **how}.items()}

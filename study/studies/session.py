"""A study that this process drives, and the settings that make it this study."""

import json
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console

from hyperstudy.study.comparisons.finalists import finished, over_seeds
from hyperstudy.study.core.config import HYPERPARAMETERS, Config, from_params
from hyperstudy.study.core.data.splits import Splits, digest_of, load_test
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.own import OwnFile
from hyperstudy.study.core.plan import Plan
from hyperstudy.study.outputs import environment
from hyperstudy.study.outputs.names import CONFIRM, EXPLORE, SEARCH
from hyperstudy.study.search.slots import Jobs
from hyperstudy.study.studies.driver import Driver
from hyperstudy.study.studies.view import View, make_view
from hyperstudy.study.tracking.lock import sole_driver
from hyperstudy.study.tracking.tracker import Tracker, dataset_input
from hyperstudy.study.workers.pool import Pool

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
            digest = digest_of(*test, self.splits.classes)
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

    def confirm(self, plan: Plan, configs: Mapping[str, Config], seeds: int, title: str = "confirmation") -> Jobs:
        """Train configurations over fresh seeds; the test pictures are read here and nowhere else."""
        test = load_test(plan.base.dataset, self.options.data_dir, plan.largest_side)
        test = test.with_channels(self.splits.shape[0])
        test = test.resized(plan.base.image_size) if plan.same_pictures else test
        tested = replace(self, splits=self.splits._replace(test=test))
        self.pool.load(tested.splits)
        return tested.train(CONFIRM, over_seeds(configs, seeds), f"{self.tracker.experiment} {title}")


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
                kept = {options.own.name: options.own.content} if isinstance(options.own, OwnFile) else {}
                driver = Driver(pool, tracker, view, splits.chance, environment.run_tags(), check, kept)
                yield Session(console, tracker, pool, view, driver, options, splits)
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on from here", markup=False)
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
    known = {name: str(row.default) for name, row in HYPERPARAMETERS.items()} | kept
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
    if options.own:
        how["file"] = options.own.setting
    return {name: str(value) for name, value in {**data, **values, **how}.items()}

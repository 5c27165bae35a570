"""A study from its options to its last line: explore, search, confirm, crown, sum up."""

import json
from argparse import Namespace
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape

from study.core.config import Config
from study.core.data import Part, Splits, digest_of, load_test
from study.core.errors import InputError
from study.core.plan import Plan
from study.core.train import device as find_device
from study.outputs import environment
from study.outputs.names import COMPLETE
from study.search.design import SearchQueue
from study.search.storage import open_storage
from study.studies.description import FINALISTS, note, tags
from study.studies.driver import Driver, TestSet, reap
from study.studies.finalists import WINNER, ConfirmQueue, confirmed, crown, finalists, ranking, train_missing
from study.studies.summary import print_summary
from study.studies.view import View, make_console, make_view
from study.tracking.store import check, sqlite_file
from study.tracking.tracker import Tracker, dataset_input
from study.workers.pool import Pool
from study.workers.processes import stoppable


def conduct(options: Namespace, plan: Plan, reading: Future[Splits]) -> int:
    """Run what is missing of a study; 0 if all of its trials are finished then, 1 if some failed."""
    console = make_console()
    device = find_device(options.device)
    with console.status(f"reading {escape(options.dataset)}"):
        splits = reading.result()
    workers = min(options.workers or usual_workers(device), options.trials)
    with resumable(console), Pool(workers, splits, device) as pool:
        study = Study(options, plan, splits, device)
        with make_view(console, tuple(plan.space)) as view:
            driver = study.driver(pool, view)
            study.search(driver)
            roles = finalists(study.tracker.runs(), plan.base)
            if roles and options.confirm_seeds:
                study.confirm(driver, roles)
    if roles:
        with console.status("registering the winner's model"):
            study.crown(roles)
    for url in (options.tracking_uri, options.storage):
        if (file := sqlite_file(url)) and not file.exists():
            raise InputError(f"store {url!r} was removed while the study ran, and its trials with it")
    print_summary(console, study.tracker, options, roles, driver)
    return 1 if driver.failures or study.queue.finished() < study.queue.total else 0


class Study:
    """The two stores of one study, opened and checked against what is asked."""

    def __init__(self, options: Namespace, plan: Plan, splits: Splits, device: torch.device) -> None:
        self.options, self.plan, self.splits, self.device = options, plan, splits, device
        check_stores(options)
        self.tracker = Tracker(options.tracking_uri, options.study)
        self.storage = open_storage(options.storage)
        self.queue = SearchQueue(self.storage, options.study, plan, options.sampler, options.pruner)
        self.queue.settle(settings(options, plan, splits))
        self.queue.want(options.trials)
        self.tracker.create(self.queue.identity())
        self.tracker.describe(note(options, plan, splits, device), tags(options, plan, splits, device))
        reap(self.queue, self.tracker)
        self.queue.retry()

    def driver(self, pool: Pool, view: View) -> Driver:
        return make_driver(pool, self.tracker, view, self.options, self.splits, self.device)

    def search(self, driver: Driver) -> None:
        """Run the explore and the search trials that are missing."""
        ranked = ranking(self.tracker.runs())
        if ranked:
            driver.view.best = ranked[0].metrics["objective"], ranked[0].name
        driver.view.begin(self.options.study, self.options.trials, self.queue.finished(), len(driver.pool))
        driver.run(self.queue)

    def confirm(self, driver: Driver, roles: Mapping[str, Config]) -> None:
        """Train the finalists over fresh seeds; the test pictures are read here and nowhere else."""
        queue = ConfirmQueue(self.storage, self.options.study)
        self.tracker.tag(FINALISTS, json.dumps({role: config.hyperparameters() for role, config in roles.items()}))
        queue.want(roles, self.options.confirm_seeds)
        title = f"{self.options.study} confirmation"
        train_missing(queue, driver, title, lambda: test_set(self.plan, self.splits, self.options.data_dir))

    def crown(self, roles: Mapping[str, Config]) -> None:
        """Make the winner's first confirmation run the champion, or its search run if there was no confirmation."""
        runs = self.tracker.runs()
        winners = [run for run in confirmed(runs, roles)[WINNER] if run.tags["state"] == COMPLETE] or ranking(runs)
        crown(self.tracker, winners[0], self.splits)


def make_driver(
    pool: Pool, tracker: Tracker, view: View, options: Namespace, splits: Splits, device: torch.device
) -> Driver:
    """The driver of a study's trials, which records the data set and the machine with each."""
    counts = {"training": len(splits.train.labels), "validation": len(splits.val.labels)}
    data = dataset_input(options.dataset, splits.digest, str(options.data_dir), "training", counts)
    return Driver(pool, tracker, view, splits.chance, [data], environment.run_tags(device))


def test_set(plan: Plan, splits: Splits, data_dir: Path) -> TestSet:
    """The test pictures in the form of the training pictures, and their record; read by confirmation alone."""
    dataset = plan.base.dataset
    test = load_test(dataset, data_dir, plan.largest_side).with_channels(splits.shape[0])
    record = test_record(dataset, test, splits.classes, data_dir)
    test = test.resized(plan.base.image_size) if plan.same_pictures else test
    return TestSet(test.shared(), record)


def test_record(dataset: str, test: Part, classes: tuple[str, ...], data_dir: Path) -> Any:
    """The test pictures as the tracker records them."""
    digest = digest_of(test.images.numpy(), test.labels.numpy(), classes)
    return dataset_input(f"{dataset} (test)", digest, str(data_dir), "testing", {"testing": len(test.labels)})


def check_stores(options: Namespace) -> None:
    """Raise `InputError` unless both stores answer or can be made, and are two; before either is written."""
    for url in (options.tracking_uri, options.storage):
        check(url)
    tracking, storage = (
        file.resolve() if (file := sqlite_file(url)) else url for url in (options.tracking_uri, options.storage)
    )
    if tracking == storage:
        raise InputError(f"storage must be another database than tracking-uri; got {options.storage!r} for both")


def settings(options: Namespace, plan: Plan, splits: Splits) -> dict[str, str]:
    """What makes a study this study, as text; the number of trials, seeds and workers may change."""
    values: dict[str, Any] = {
        name: f"{plan.space[name]} searched" if name in plan.space else value
        for name, value in plan.base.hyperparameters().items()
    }
    data = {"dataset": options.dataset.partition(":")[0], "data digest": splits.digest, "model": options.model}
    how = {"sampler": options.sampler, "pruner": options.pruner}
    return {name: str(value) for name, value in {**data, **values, **how}.items()}


def usual_workers(device: torch.device) -> int:
    """Training processes unless told otherwise: one per core, one on a GPU."""
    return 1 if device.type == "cuda" else environment.cores()


@contextmanager
def resumable(console: Console) -> Iterator[None]:
    """A request to stop, by Ctrl-C or otherwise, leaves word of how to go on."""
    try:
        with stoppable():
            yield
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on from here", markup=False)
        raise

"""Confirmation: the finalists retrained over fresh seeds, each of which meets the test pictures once.

The best of many noisy trials overstates itself (Cawley & Talbot, JMLR 2010), so what is headlined is the mean over
seeds that no trial of the search had. Initialisation and shuffling both vary (Bouthillier et al., MLSys 2021).
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from study.core.config import Config, from_params
from study.core.data import Part, Splits
from study.outputs.files import CONFIG, WEIGHTS, load_classifier
from study.outputs.names import COMPLETE, CONFIRM, EXPLORE, FINISHED, SEARCH
from study.search.storage import alone
from study.search.trials import Claim, Queue
from study.studies.driver import Driver, TestSet, reap
from study.tracking.tracker import Run, Tracker
from study.workers.processes import forgo_triton

WINNER, RUNNER_UP, DEFAULT = "winner", "runner-up", "default"
FIRST_SEED = 1000  # far from those that a search would use
TEST_METRIC = "test/accuracy"
JOBS = "jobs"


def ranking(runs: Sequence[Run]) -> list[Run]:
    """The complete runs of the search, the best first; equal accuracies are told apart by validation loss."""
    complete = [run for run in runs if run.tags.get("phase") in (EXPLORE, SEARCH) and run.tags.get("state") == COMPLETE]
    return sorted(
        complete,
        key=lambda run: (-run.metrics["objective"], run.metrics.get("final_val_loss", 0.0), int(run.tags["trial"])),
    )


def finalists(runs: Sequence[Run], default: Config) -> dict[str, Config]:
    """Winner, runner-up and default by role; a configuration that has two roles keeps the first of these.

    Empty if no trial is complete. Two runs that differ in their seed alone are one configuration.
    """
    ranked = list(dict.fromkeys(replace(from_params(run.params), seed=default.seed) for run in ranking(runs)))
    roles = dict(zip((WINNER, RUNNER_UP), ranked, strict=False))
    if roles and default not in roles.values():
        roles[DEFAULT] = default
    return roles


class JobQueue(Queue):
    """Configurations, each under its role, times seeds. Subclasses name their phase."""

    def want(self, roles: Mapping[str, Config], seeds: int) -> None:
        """Ask for every configuration with every seed, beside what was asked for before."""
        with alone(self.database):
            jobs = self.jobs()
            there = [job["config"] for job in jobs]
            for index in range(seeds):
                for role, config in roles.items():
                    wanted = asdict(replace(config, seed=config.seed + FIRST_SEED + index))
                    if wanted not in there:
                        jobs.append({"role": role, "config": wanted})
            self.study.set_user_attr(JOBS, jobs)

    def jobs(self) -> list[dict[str, Any]]:
        """Role and configuration of every slot."""
        return self.study.user_attrs.get(JOBS, [])

    @property
    def total(self) -> int:
        return len(self.jobs())

    def draft(self, slot: int) -> FrozenTrial:
        return create_trial(state=TrialState.RUNNING)  # nothing is left to choose

    def configure(self, trial: FrozenTrial, slot: int, draft: FrozenTrial | None) -> Claim:
        job = self.jobs()[slot]
        config = Config(**job["config"])
        name, tags = f"{job['role']}-seed-{config.seed}", {"role": job["role"]}
        return Claim(trial.number, trial._trial_id, slot, self.phase, name, config, tags=tags)


class ConfirmQueue(JobQueue):
    """A study's finalists and the arms of its experiments."""

    phase = CONFIRM

    def __init__(self, storage: RDBStorage, study: str) -> None:
        super().__init__(storage, f"{study}/confirm")


def train_missing(queue: JobQueue, driver: Driver, title: str, test: Callable[[], TestSet]) -> None:
    """Run what is missing of a queue, shown under `title`; `test` reads the test pictures, only if something is."""
    reap(queue, driver.tracker)
    queue.retry()
    if queue.finished() < queue.total:
        driver.view.begin(title, queue.total, queue.finished(), len(driver.pool))
        driver.run(queue, test())


def confirmed(runs: Sequence[Run], roles: Mapping[str, Config]) -> dict[str, list[Run]]:
    """Every finalist's finished confirmation runs, in the order of their seeds."""
    finished = [run for run in runs if run.tags.get("phase") == CONFIRM and run.tags.get("state") in FINISHED]
    done = [run for run in finished if TEST_METRIC in run.metrics]
    by_role: dict[str, list[Run]] = {role: [] for role in roles}
    for run in sorted(done, key=lambda run: int(run.params["seed"])):
        for role, config in roles.items():
            if replace(from_params(run.params), seed=config.seed) == config:
                by_role[role].append(run)
    return by_role


def crown(tracker: Tracker, run: Run, splits: Splits) -> None:
    """Register the run's model as the study's champion, unless it is already.

    The champion is the winner's run with the first seed: choosing among seeds by the test would be choosing by it.
    """
    if tracker.champion() == run.run_id:
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in (CONFIG, WEIGHTS):
            tracker.download(run.run_id, name, Path(folder))
        classifier = load_classifier(Path(folder))
    forgo_triton()
    config, few = from_params(run.params), Part(splits.val.images[:2], splits.val.labels[:2])
    example = few.framed(config.image_size, config.border).images
    tracker.register(run.run_id, classifier, example.numpy(), classifier(example).detach().numpy())

"""The finalists: winner, runner-up and default, retrained over fresh seeds, where alone the test pictures are used.

The best of many noisy trials overstates itself (Cawley & Talbot, JMLR 2010), so the headline is the mean over
seeds that no trial of the search had. Initialisation and shuffling both vary (Bouthillier et al., MLSys 2021).
"""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from study.core.config import HYPERPARAMETERS, Config, from_params
from study.core.data import Part, Splits
from study.outputs.files import CONFIG, WEIGHTS, load_trained
from study.outputs.names import (
    COMPLETE,
    CONFIRM,
    DEFAULT,
    EXPLORE,
    FINISHED,
    RUNNER_UP,
    SEARCH,
    TEST_METRIC,
    WINNER,
)
from study.tracking.registry import champion, register
from study.tracking.tracker import Run, Tracker

FIRST_SEED = 1000  # far from those that a search would use


def ranking(runs: Sequence[Run]) -> list[Run]:
    """The complete runs of the search, the best first; equal accuracies are told apart by validation loss."""
    complete = [run for run in runs if run.phase in (EXPLORE, SEARCH) and run.state == COMPLETE]
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


def over_seeds(configs: Mapping[str, Config], count: int) -> list[tuple[str, Config]]:
    """Every configuration with each of `count` fresh seeds, the same for all."""
    _, most = HYPERPARAMETERS["seed"].accepted
    return [
        (role, replace(config, seed=(config.seed + FIRST_SEED + index) % (most + 1)))
        for index in range(count)
        for role, config in configs.items()
    ]


def finished(runs: Iterable[Run], phase: str) -> list[Run]:
    """The finished runs of a phase."""
    return [run for run in runs if run.phase == phase and run.state in FINISHED]


def confirmed(runs: Sequence[Run], roles: Mapping[str, Config]) -> dict[str, list[Run]]:
    """Every finalist's finished confirmation runs, in the order of their seeds."""
    done = [run for run in finished(runs, CONFIRM) if TEST_METRIC in run.metrics]
    by_role: dict[str, list[Run]] = {role: [] for role in roles}
    for run in sorted(done, key=lambda run: int(run.params["seed"])):
        for role, config in roles.items():
            if replace(from_params(run.params), seed=config.seed) == config:
                by_role[role].append(run)
    return by_role


def crown(tracker: Tracker, roles: Mapping[str, Config], splits: Splits) -> None:
    """Register the winner's model as the study's champion, unless it is already.

    It is the one that was confirmed with the first seed, since choosing among seeds by the test would be choosing by
    it; without a confirmation, that of the search.
    """
    runs = tracker.runs()
    winners = [run for run in confirmed(runs, roles)[WINNER] if run.state == COMPLETE] or ranking(runs)
    run = winners[0]
    if champion(tracker) == run.run_id:
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in (CONFIG, WEIGHTS):
            tracker.download(run.run_id, name, Path(folder))
        trained = load_trained(Path(folder))
    few = Part(splits.val.images[:2], splits.val.labels[:2])
    example = few.framed(trained.config.image_size, trained.config.border).images
    output = trained.classifier(example).detach()
    register(tracker, run.run_id, trained.classifier, example.numpy(), output.numpy())

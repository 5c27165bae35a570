"""The finalists: winner, runner-up and default, retrained over fresh seeds, where alone the test pictures are used.

The best of many noisy trials overstates itself (Cawley & Talbot, JMLR 2010), so the headline is the mean over
seeds by which nothing was chosen. Initialisation and shuffling both vary (Bouthillier et al., MLSys 2021).
"""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hyperstudy.study.comparisons.answers import answered
from hyperstudy.study.comparisons.decision import Finalist
from hyperstudy.study.core.config import HYPERPARAMETERS, Config, from_params
from hyperstudy.study.core.data.splits import Part, Splits
from hyperstudy.study.outputs.files import CONFIG, WEIGHTS, Trained, load_trained
from hyperstudy.study.outputs.names import COMPLETE, CONFIRM, EXPLORE, FINISHED, RERANK, SEARCH, TEST_METRIC, WINNER
from hyperstudy.study.tracking.registry import champion, explain, register
from hyperstudy.study.tracking.tracker import Run, Tracker

FIRST_SEED = 1000  # far from those of search and re-ranking


def ranking(runs: Sequence[Run]) -> list[Run]:
    """The complete runs of the search, the best first; equal accuracies are told apart by validation loss."""
    complete = [run for run in runs if run.phase in (EXPLORE, SEARCH) and run.state == COMPLETE]
    return sorted(
        complete,
        key=lambda run: (-run.metrics["objective"], run.metrics.get("final_val_loss", 0.0), int(run.tags["trial"])),
    )


def unconfirmed(runs: Sequence[Run], default: Config) -> dict[str, Config]:
    """The best of the search as the winner, for want of other seeds; empty if no trial is complete."""
    best = [from_params(run.params).replace(seed=default.seed) for run in ranking(runs)]
    return {WINNER: best[0]} if best else {}


def with_seed(config: Config, number: int) -> Config:
    """The configuration with a seed that lies `number` after its own, within the accepted range."""
    _, most = HYPERPARAMETERS["seed"].accepted
    return config.replace(seed=(config.seed + number) % (most + 1))


def over_seeds(configs: Mapping[str, Config], count: int, first: int = FIRST_SEED) -> list[tuple[str, Config]]:
    """Every configuration with each of `count` fresh seeds, the same for all."""
    return [(role, with_seed(config, first + index)) for index in range(count) for role, config in configs.items()]


def finished(runs: Iterable[Run], phase: str) -> list[Run]:
    """The finished runs of a phase."""
    return [run for run in runs if run.phase == phase and run.state in FINISHED]


def confirmed(runs: Sequence[Run], roles: Mapping[str, Config]) -> dict[str, list[Run]]:
    """Every finalist's finished confirmation runs, in the order of their seeds."""
    done = [run for run in finished(runs, CONFIRM) if TEST_METRIC in run.metrics]
    done.sort(key=lambda run: int(run.params["seed"]))
    return {role: _of(done, config) for role, config in roles.items()}


def finalists_of(tracker: Tracker, roles: Mapping[str, Config], searched: Iterable[str]) -> dict[str, Finalist]:
    """The finalists by role, with their runs on the test pictures."""
    names, found = list(searched), {}
    for role, runs in confirmed(tracker.runs(), roles).items():
        seconds = sum(run.metrics["train_seconds"] for run in runs) / len(runs) if runs else None
        levels = {name: getattr(roles[role], name) for name in names}
        found[role] = Finalist(levels, answered(tracker, runs), seconds)
    return found


def crown(tracker: Tracker, roles: Mapping[str, Config], splits: Splits, why: str) -> None:
    """Register the winner's model as the study's champion, unless it is already, and say why.

    It is the one that was confirmed with the first seed, since choosing among seeds by the test would be choosing by
    it; without a confirmation, that of the search. A winner of which no run is complete is not registered.
    """
    runs = tracker.runs()
    others = _of([*finished(runs, RERANK), *ranking(runs)], roles[WINNER])
    trained = [run.run_id for run in (*confirmed(runs, roles)[WINNER], *others) if run.state == COMPLETE]
    if not trained:
        return
    if champion(tracker) != trained[0] and (reason := _register(tracker, trained[0], splits)):
        why += f" It cannot be exported, so that it loads with its own code alone (python -m study.predict): {reason}"
    explain(tracker, why)


def _of(runs: Iterable[Run], config: Config) -> list[Run]:
    """The runs of a configuration, whatever their seed."""
    return [run for run in runs if from_params(run.params).replace(seed=config.seed) == config]


def trained_by(tracker: Tracker, run_id: str) -> Trained:
    """The network that a run trained, from its files."""
    with tempfile.TemporaryDirectory() as folder:
        for name in (CONFIG, WEIGHTS):
            tracker.download(run_id, name, Path(folder))
        return load_trained(Path(folder))


def _register(tracker: Tracker, run_id: str, splits: Splits) -> str:
    trained = trained_by(tracker, run_id)
    few = Part(next(iter(splits.val.images.split(2))), splits.val.labels[:2])
    example = few.framed(trained.config.image_size, trained.config.border).images
    output = trained.classifier(example).detach()
    return register(tracker, run_id, trained.classifier, example.numpy(), output.numpy())

"""The finalists: winner, runner-up and default, retrained over fresh seeds, where alone the test pictures are used.

The best of many noisy trials overstates itself (Cawley & Talbot, JMLR 2010), so the headline is the mean over
seeds by which nothing was chosen. Initialisation and shuffling both vary (Bouthillier et al., MLSys 2021).
"""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hyperstudy.study.comparisons.answers import answered
from hyperstudy.study.comparisons.decision import Finalist
from hyperstudy.study.core.config import HYPERPARAMETERS
from hyperstudy.study.core.data.splits import Part
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.params import AnyConfig, from_params
from hyperstudy.study.outputs.files import CONFIG, WEIGHTS, Trained, load_trained, reading
from hyperstudy.study.outputs.names import COMPLETE, CONFIRM, EXPLORE, FINISHED, RERANK, SEARCH, WINNER
from hyperstudy.study.outputs.objective import Objective
from hyperstudy.study.tracking.registry import champion, explain, has_files, register
from hyperstudy.study.tracking.tracker import Run, Tracker

FIRST_SEED = 1000  # far from those of search and re-ranking


def ranking(runs: Sequence[Run], objective: Objective) -> list[Run]:
    """The complete runs of the search, the best first; equal ones are told apart by validation loss."""
    complete = [run for run in runs if run.phase in (EXPLORE, SEARCH) and run.state == COMPLETE]
    return sorted(
        complete,
        key=lambda run: (
            -objective.own(run.metrics["objective"]),
            run.metrics.get("val/loss", 0.0),
            int(run.tags["trial"]),
        ),
    )


def unconfirmed(runs: Sequence[Run], default: AnyConfig, objective: Objective) -> dict[str, AnyConfig]:
    """The best of the search as the winner, for want of other seeds; empty if no trial is complete."""
    best = [from_params(run.params).replace(seed=default.seed) for run in ranking(runs, objective)]
    return {WINNER: best[0]} if best else {}


def with_seed(config: AnyConfig, number: int) -> AnyConfig:
    """The configuration with a seed that lies `number` after its own, within the accepted range."""
    _, most = HYPERPARAMETERS["seed"].accepted
    return config.replace(seed=(config.seed + number) % (most + 1))


def over_seeds(configs: Mapping[str, AnyConfig], count: int, first: int = FIRST_SEED) -> list[tuple[str, AnyConfig]]:
    """Every configuration with each of `count` fresh seeds, the same for all."""
    return [(role, with_seed(config, first + index)) for index in range(count) for role, config in configs.items()]


def finished(runs: Iterable[Run], phase: str) -> list[Run]:
    """The finished runs of a phase."""
    return [run for run in runs if run.phase == phase and run.state in FINISHED]


def confirmed(runs: Sequence[Run], roles: Mapping[str, AnyConfig], objective: Objective) -> dict[str, list[Run]]:
    """Every finalist's finished confirmation runs, in the order of their seeds."""
    done = [run for run in finished(runs, CONFIRM) if objective.confirmed_key in run.metrics]
    done.sort(key=lambda run: int(run.params["seed"]))
    return {role: _of(done, config) for role, config in roles.items()}


def finalists_of(
    tracker: Tracker, roles: Mapping[str, AnyConfig], searched: Iterable[str], objective: Objective
) -> dict[str, Finalist]:
    """The finalists by role, with their runs on the test data."""
    names, found = list(searched), {}
    for role, runs in confirmed(tracker.runs(), roles, objective).items():
        seconds = sum(run.metrics["train_seconds"] for run in runs) / len(runs) if runs else None
        levels = {name: getattr(roles[role], name) for name in names}
        found[role] = Finalist(levels, answered(tracker, runs, objective), seconds)
    return found


def crown(tracker: Tracker, roles: Mapping[str, AnyConfig], example: Part, objective: Objective, why: str) -> None:
    """Register the winner's model as the study's champion, unless it is already, and say why; `example` holds a few
    pictures.

    It is the one that was confirmed with the first seed, since choosing among seeds by the test would be choosing by
    it; without a confirmation, that of the search. A winner of which no run is complete is not registered.
    """
    runs = tracker.runs()
    others = _of([*finished(runs, RERANK), *ranking(runs, objective)], roles[WINNER])
    trained = [run.run_id for run in (*confirmed(runs, roles, objective)[WINNER], *others) if run.state == COMPLETE]
    if not trained:
        return
    there = champion(tracker) == trained[0] and has_files(tracker)
    if not there and (reason := _register(tracker, trained[0], example)):
        why += f" It cannot be exported, so that it loads with its own code alone (python -m study.predict): {reason}"
    explain(tracker, why)


def _of(runs: Iterable[Run], config: AnyConfig) -> list[Run]:
    """The runs of a configuration, whatever their seed."""
    return [run for run in runs if from_params(run.params).replace(seed=config.seed) == config]


def trained_by(tracker: Tracker, run_id: str) -> Trained:
    """The network that a run trained, from its files; raises `InputError` if one of these is missing or damaged."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name in (CONFIG, WEIGHTS):
                with reading(name):
                    tracker.download(run_id, name, Path(folder))
            return load_trained(Path(folder))
    except InputError as error:
        raise InputError(
            f"the network of run {run_id} cannot be loaded: {error}; restore its files from a copy of the store"
        ) from None


def _register(tracker: Tracker, run_id: str, example: Part) -> str:
    trained = trained_by(tracker, run_id)
    framed = example.framed(trained.config.image_size, trained.config.border).images
    (few,) = framed.split(len(framed))
    output = trained.classifier(few).detach()
    return register(tracker, run_id, trained.classifier, few.numpy(), output.numpy())

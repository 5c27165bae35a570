"""Studies in a storage of Optuna's that other programs made, as plain records. Nothing is written into the storage."""

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import make_url

from hyperstudy.study.core.domains import Choice, Domain, Range
from hyperstudy.study.core.errors import InputError, not_one_of

TABLES = {"studies", "trials", "trial_params"}  # that a storage of Optuna's has


class ForeignTrial(NamedTuple):
    """A trial. `values` has one per objective, in its own direction, or is empty; `curve` holds what it reported, by
    step; `state` is Optuna's, in capitals."""

    number: int
    state: str
    params: dict[str, Any]
    values: list[float]
    curve: dict[int, float]
    seconds: float | None


class ForeignStudy(NamedTuple):
    """A study. `metrics` names its objectives, `maximize` says of each whether higher is better; `domains` holds the
    hyperparameters that were searched in more than one value."""

    name: str
    metrics: list[str]
    maximize: list[bool]
    domains: dict[str, Domain]
    trials: list[ForeignTrial]


def read_study(url: str, name: str | None) -> ForeignStudy:
    """The named study of a storage, or its only one; raises `InputError` with the names that there are."""
    with _opened(url) as storage:
        names = optuna.get_all_study_names(storage)
        if not names:
            raise InputError(f"Optuna storage {url!r} holds no study")
        if name is None and len(names) > 1:
            raise InputError(f"--study must name one of the storage's {len(names)} studies: {', '.join(names)}")
        if name is not None and name not in names:
            raise not_one_of("study", name, names)
        return _plain(optuna.load_study(study_name=name or names[0], storage=storage))


def _plain(study: optuna.Study) -> ForeignStudy:
    trials = study.get_trials(deepcopy=False)
    count = len(study.directions)
    metrics = study.metric_names or (["value"] if count == 1 else [f"values_{place}" for place in range(count)])
    maximize = [direction is StudyDirection.MAXIMIZE for direction in study.directions]
    return ForeignStudy(study.study_name, list(metrics), maximize, _domains(trials), [_trial(row) for row in trials])


def _trial(trial: FrozenTrial) -> ForeignTrial:
    duration = trial.duration.total_seconds() if trial.duration else None
    params = {name: _level(trial.distributions[name], value) for name, value in trial.params.items()}
    curve = dict(trial.intermediate_values)
    return ForeignTrial(trial.number, trial.state.name, params, list(trial.values or ()), curve, duration)


def _domains(trials: Sequence[FrozenTrial]) -> dict[str, Domain]:
    found: dict[str, list[BaseDistribution]] = {}
    for trial in trials:
        for name, distribution in trial.distributions.items():
            found.setdefault(name, []).append(distribution)
    domains = {name: _domain(rows) for name, rows in found.items()}
    return {name: domain for name, domain in domains.items() if len(set(domain.ends)) > 1}


def _domain(distributions: Sequence[BaseDistribution]) -> Domain:
    """What a hyperparameter was searched in: over all trials, since a script may change a range's ends."""
    last = distributions[-1]
    if isinstance(last, CategoricalDistribution):
        return Choice(tuple(_level(last, choice) for choice in last.choices))
    ranges = [row for row in distributions if isinstance(row, IntDistribution | FloatDistribution)]
    kind = int if isinstance(last, IntDistribution) else float
    low, high = min(row.low for row in ranges), max(row.high for row in ranges)
    return Range(kind(low), kind(high), ranges[-1].log and low > 0)


def _level(distribution: BaseDistribution, value: Any) -> Any:
    """A choice as it is if all choices are numbers, otherwise as text."""
    if not isinstance(distribution, CategoricalDistribution):
        return value
    numbers = all(isinstance(row, int | float) and not isinstance(row, bool) for row in distribution.choices)
    return value if numbers else str(value)


@contextmanager
def _opened(url: str) -> Iterator[BaseStorage]:
    """The storage for reading; of an SQLite file a copy, into which Optuna may write."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            parsed = make_url(url)
            file = parsed.database if parsed.get_backend_name() == "sqlite" else None
            read = _copy(Path(file), Path(folder)) if file else url
            _check(read)
            storage = RDBStorage(read, skip_table_creation=True)
        except Exception as error:  # SQLAlchemy's, SQLite's, Optuna's, or of a driver that is not installed
            raise InputError(f"{url!r} is no Optuna storage: {str(error).splitlines()[0]}") from None
        try:
            yield storage
        finally:
            storage.remove_session()
            storage.engine.dispose()


def _copy(file: Path, folder: Path) -> str:
    """The URL of a copy of an SQLite file, made by SQLite itself so that a study may be running."""
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {str(file)!r}")
    copy = folder / "optuna.db"
    source = sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)
    with closing(source), closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return f"sqlite:///{copy}"


def _check(url: str) -> None:
    engine = create_engine(url)
    try:
        missing = TABLES - set(inspect(engine).get_table_names())
    finally:
        engine.dispose()
    if missing:
        raise ValueError(f"it has no table {', '.join(sorted(missing))}")

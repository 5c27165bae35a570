"""A study's trials in a storage of Optuna's, for its dashboard and plots."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from warnings import catch_warnings

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from hyperstudy.study.core.domains import Dimension
from hyperstudy.study.core.errors import InputError, StoreError
from hyperstudy.study.outputs.objective import Objective
from hyperstudy.study.search.samplers import distribution
from hyperstudy.study.search.trials import TOLD, Record


def export(
    name: str, url: str, dimensions: Mapping[str, Dimension], records: Sequence[Record], objective: Objective
) -> None:
    """Write a new Optuna study; raises `InputError` if the storage cannot be opened or has a study of that name, and
    `StoreError`, leaving no part of it, if it cannot be written."""
    try:
        study = optuna.create_study(
            storage=url, study_name=name, direction="maximize" if objective.maximize else "minimize"
        )
    except optuna.exceptions.DuplicatedStudyError:
        raise InputError(f"storage {url!r} must have no study {name!r} yet; it has one") from None
    except Exception as error:  # SQLAlchemy's, or whatever Optuna raises for a URL that it does not know
        raise InputError(f"storage {url!r} cannot be opened: {str(error).splitlines()[0]}") from None
    domains = {name: row.domain for name, row in dimensions.items() if row.domain is not None}
    distributions = {name: distribution(domain) for name, domain in domains.items()}
    try:
        with catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
            study.set_metric_names([objective.key])
        study.add_trials([_frozen(record, distributions) for record in records])
    except Exception as error:  # SQLAlchemy's or Optuna's, as on a full disk
        with suppress(Exception):
            optuna.delete_study(study_name=name, storage=url)
        raise StoreError(f"storage {url!r} failed: {str(error).splitlines()[0]}") from None


def _frozen(record: Record, distributions: Mapping[str, BaseDistribution]) -> FrozenTrial:
    pruned = TOLD[record.state] is TrialState.PRUNED
    lost = record.objective is None and not pruned
    return FrozenTrial(
        number=record.slot,
        trial_id=record.slot,  # Optuna gives its own
        state=TrialState.FAIL if lost else TOLD[record.state],
        value=record.curve[-1] if pruned else record.objective,
        datetime_start=record.started,
        datetime_complete=record.ended,
        params=record.params,
        distributions=dict(distributions),
        user_attrs={"slot": record.slot, "state": record.state},
        system_attrs={},
        intermediate_values=dict(enumerate(record.curve, start=1)),
    )

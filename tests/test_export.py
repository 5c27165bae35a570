"""`python -m study.export`: a study in Optuna's own storage, compared with MLflow's runs."""

import json
import sqlite3
from contextlib import closing

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import NullPool

from hyperstudy.study.core.domains import Choice, dimension
from hyperstudy.study.export import main
from hyperstudy.study.outputs.names import COMPLETE, DIVERGED, PRUNED
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import in_phase, store_of, trial_runs
from tests.studies.test_session import track
from tests.tracking.runs import make_tracker

STATES = {COMPLETE: TrialState.COMPLETE, DIVERGED: TrialState.COMPLETE, PRUNED: TrialState.PRUNED}


def exported(url, name):
    return optuna.load_study(storage=url, study_name=name)


def test_the_exported_study_has_all_trials_with_values_states_and_curves(finished_study, tmp_path, capsys):
    url, store = f"sqlite:///{tmp_path}/optuna.db", store_of(finished_study)
    assert main(["--to", url, "--tracking-uri", store]) == 0
    assert capsys.readouterr().out == f"6 trials of digits-cnn in {url}\n"
    study, tracker = exported(url, "digits-cnn"), Tracker(store, "digits-cnn")
    assert (study.direction.name, study.metric_names) == ("MAXIMIZE", ["val/accuracy"])
    runs = {int(run.tags["trial"]): run for run in in_phase(trial_runs(finished_study), "explore", "search")}
    assert [trial.user_attrs["slot"] for trial in study.trials] == sorted(runs) == list(range(6))
    space = {n: dimension(row).domain for n, row in json.loads(tracker.tags()["study.space"]).items()}
    for trial in study.trials:
        run = runs[trial.number]
        history = tracker.client.get_metric_history(run.run_id, "val/accuracy")
        assert trial.state is STATES[run.state]
        assert trial.value == run.metrics["objective"] == history[-1].value
        assert trial.intermediate_values == {point.step: point.value for point in history}
        assert {name: str(value) for name, value in trial.params.items()} == {
            name: run.params[name] for name in ("lr", "batch_size", "depth", "activation")
        }
        assert round(trial.datetime_start.timestamp() * 1000) == run.start_ms
        assert round(trial.datetime_complete.timestamp() * 1000) == run.end_ms
        for name, distribution in trial.distributions.items():
            ends = distribution.choices if isinstance(space[name], Choice) else (distribution.low, distribution.high)
            assert ends == space[name].ends
    assert study.best_value == max(run.metrics["objective"] for run in runs.values() if run.state == COMPLETE)


@pytest.fixture
def mixed(tmp_path):
    """The store of a study with a trial of every state."""
    tracker = make_tracker(tmp_path / "store", "mixed")
    space = {"lr": {"kind": "range", "low": 1e-5, "high": 0.1, "log": True, "default": 1e-3}}
    tracker.tag("study.space", json.dumps({**space, "epochs": {"kind": "fixed", "default": 10}}))
    for slot, (state, curve) in enumerate([(COMPLETE, [0.5, 0.7]), (PRUNED, [0.2]), (DIVERGED, [0.6, 0.1])]):
        track(tracker, slot, state, curve, lr=0.01)
    track(tracker, 3, "interrupted", [0.9], lr=0.02)
    return tracker.uri


def test_pruned_and_diverged_trials_are_what_they_were_and_unfinished_ones_are_left_out(mixed, tmp_path):
    url = f"sqlite:///{tmp_path}/optuna.db"
    assert main(["--study", "mixed", "--to", url, "--tracking-uri", mixed]) == 0
    found = [(t.state, t.value, t.intermediate_values, t.user_attrs["state"]) for t in exported(url, "mixed").trials]
    assert found == [
        (TrialState.COMPLETE, 0.7, {1: 0.5, 2: 0.7}, COMPLETE),
        (TrialState.PRUNED, 0.2, {1: 0.2}, PRUNED),
        (TrialState.COMPLETE, 0.1, {1: 0.6}, DIVERGED),
    ]


def test_optuna_s_own_tools_read_it(mixed, tmp_path):
    url = f"sqlite:///{tmp_path}/optuna.db"
    assert main(["--to", url, "--tracking-uri", mixed]) == 0
    study = exported(url, "mixed")
    assert optuna.study.get_all_study_names(url) == ["mixed"]
    assert study.trials_dataframe().shape[0] == 3
    study.sampler = optuna.samplers.TPESampler(seed=0)
    assert study.ask(study.trials[0].distributions).number == 3


def test_exporting_twice_is_refused_and_leaves_the_first_alone(mixed, tmp_path, capsys):
    url = f"sqlite:///{tmp_path}/optuna.db"
    assert main(["--to", url, "--tracking-uri", mixed]) == 0
    capsys.readouterr()
    assert main(["--to", url, "--tracking-uri", mixed]) == 2
    assert capsys.readouterr().err == f"study.export: storage '{url}' must have no study 'mixed' yet; it has one\n"
    assert len(exported(url, "mixed").trials) == 3


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("", "the following arguments are required: --to"),
        ("--to nonsense", "storage 'nonsense' cannot be opened"),
        ("--to sqlite://", "storage must be kept in a file, as in sqlite:///optuna.db; got 'sqlite://'"),
        ("--to sqlite:///:memory:", "storage must be kept in a file"),
        ("--to oracle-of://delphi", "cannot be opened"),
        ("--to sqlite:////dev/null/x.db", "cannot be opened"),
        ("--to sqlite:///x.db --study mixt", "(did you mean 'mixed'?)"),
        ("--to sqlite:///x.db --tracking-uri sqlite:///none.db", "there is no study yet in 'none.db'"),
        ("--from sqlite:///x.db --to sqlite:///x.db", "option must be one of"),
    ],
)
def test_what_cannot_be_done_is_one_line(mixed, tmp_path, monkeypatch, capsys, words, line):
    monkeypatch.chdir(tmp_path)
    assert main(["--tracking-uri", mixed, *words.split()]) == 2
    told = capsys.readouterr().err
    assert line in told
    assert told.count("\n") == 1
    assert not (tmp_path / "x.db").exists()


def test_a_store_is_not_exported_into_itself(mixed, capsys):
    """MLflow's tables and Optuna's do not go into one file, where each takes the other's version for its own."""
    before = tables(mixed)
    assert main(["--to", mixed, "--tracking-uri", mixed]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert tables(mixed) == before
    assert len(Tracker(mixed, "mixed").runs()) == 4


def tables(url):
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return inspect(connection).get_table_names()


def test_a_study_without_a_finished_trial_is_refused(tmp_path, capsys):
    tracker = make_tracker(tmp_path, "empty")
    assert main(["--to", f"sqlite:///{tmp_path}/optuna.db", "--tracking-uri", tracker.uri]) == 2
    assert capsys.readouterr().err == "study.export: study 'empty' has no finished trial to export\n"
    assert not (tmp_path / "optuna.db").exists()


def test_a_storage_that_cannot_be_written_is_one_line_and_keeps_no_part(mixed, tmp_path, capsys):
    url, file = f"sqlite:///{tmp_path}/optuna.db", tmp_path / "optuna.db"
    optuna.create_study(storage=url, study_name="another")

    def change(sql):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(sql)

    change("CREATE TRIGGER full BEFORE INSERT ON trials BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END")
    assert main(["--to", url, "--tracking-uri", mixed]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith(f"study.export: storage '{url}' failed: ")
    assert told.endswith("; the same command starts again\n")
    change("DROP TRIGGER full")
    assert main(["--to", url, "--tracking-uri", mixed]) == 0
    assert len(exported(url, "mixed").trials) == 3

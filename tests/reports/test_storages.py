"""Studies in Optuna storages that plain scripts made."""

import hashlib
import re

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.samplers import RandomSampler

from hyperstudy.reports.sources.storage import from_storage
from hyperstudy.study.core.domains import Choice, Range
from tests.reports.others import BEST_LR, loss, of_topic, optimized, reported, url_of


def test_a_storage_gives_its_distributions_exactly(folder):
    study = from_storage(url_of(folder), "random", None, False)
    assert study.domains == {
        "lr": Range(1e-5, 1e-1, log=True),
        "layers": Range(1, 6),
        "optimizer": Choice(("adam", "sgd")),
        "batch": Choice((16, 32, 64)),
        "dropout": Range(0.0, 0.5),
    }
    assert [study.domains[name].integer for name in ("lr", "layers", "dropout")] == [False, True, False]


def test_trials_of_a_storage_keep_their_values_and_states(folder):
    theirs = optuna.load_study(study_name="tpe", storage=url_of(folder)).trials
    study = from_storage(url_of(folder), "tpe", None, False)
    runs = study.runs.set_index("trial")
    assert list(runs.index) == [trial.number for trial in theirs]
    for trial in theirs:
        state = {3: "failed", 7: "failed", 5: "pruned"}.get(trial.number % 10, "complete")
        assert runs.state[trial.number] == state
        if state == "complete":
            assert study.objective.own(runs.objective[trial.number]) == trial.value
        assert runs.lr[trial.number] == trial.params["lr"]
        assert runs.optimizer[trial.number] == trial.params["optimizer"]
    assert len(study.explored) == sum(trial.number % 10 != 5 for trial in theirs), "nothing rests on pruned trials"


def test_the_best_trial_is_the_one_with_the_lowest_loss_in_its_own_values(folder, tmp_path):
    study = optuna.load_study(study_name="random", storage=url_of(folder))
    text, findings, place = reported(tmp_path, "--optuna", url_of(folder), "--study", "random", "--objective", "loss")
    (best,) = of_topic(findings, "best")
    assert best["evidence"] == [f"trial {study.best_trial.number}"]
    assert f"reached loss {study.best_value:.4g}" in best["claim"]
    assert "loss (lower is better)" in text
    trials = pd.read_csv(place / "tables" / "trials.csv")
    assert np.allclose(trials.loss, [trial.value for trial in study.trials], rtol=1e-12)
    levels = pd.read_csv(place / "tables" / "best_by_level.csv").set_index(["hyperparameter", "level"]).best
    assert min(levels) == pytest.approx(study.best_value)
    assert (levels > 0).all()


def test_a_report_of_a_loss_says_nothing_about_accuracy(folder, tmp_path):
    text, _, place = reported(tmp_path, "--optuna", url_of(folder), "--study", "tpe", "--objective", "rmse")
    page = re.sub(r"base64,[^\"]+", "", (place / "report.html").read_text())
    for word in ("accura", "chance", "confusion", "picture", "study.ablate", "designed", "--trials"):
        assert word not in text.lower(), word
        assert word not in page.lower(), word
    assert "No default is known" in text


def test_nothing_is_more_than_suggestive_unless_the_trials_are_said_to_be_random(folder, tmp_path):
    words = ("--optuna", url_of(folder), "--study", "random")
    text, cautious, place = reported(tmp_path / "a", *words)
    assert "supported" not in (place / "tables" / "importance.csv").read_text()
    assert {row["verdict"] for row in cautious} - {""} == {"suggestive", "inconclusive"}
    assert "--random" in text
    _, bold, _ = reported(tmp_path / "b", *words, "--random")
    supported = [row["claim"].split()[0] for row in of_topic(bold, "influence") if row["verdict"] == "supported"]
    assert supported[:2] == ["lr", "optimizer"]
    assert "dropout" not in supported


def test_the_best_part_of_a_range_is_that_of_the_lowest_loss(folder, tmp_path):
    _, findings, _ = reported(tmp_path, "--optuna", url_of(folder), "--study", "random", "--random")
    (lr,) = [row for row in of_topic(findings, "influence") if row["claim"].startswith("lr ")]
    best = float(re.search(r"is best at (\S+) and worst at ", lr["claim"])[1])
    assert BEST_LR / 4 < best < BEST_LR * 4
    assert float(lr["effect"]) > 0


def test_conditional_parameters_are_left_out_with_a_line(folder, tmp_path):
    theirs = [t for t in optuna.load_study(study_name="tpe", storage=url_of(folder)).trials if t.state.name != "FAIL"]
    without = sum("momentum" not in trial.params for trial in theirs)
    text, _, _ = reported(tmp_path, "--optuna", url_of(folder), "--study", "tpe")
    assert f"momentum is left out: {without} of {len(theirs)} trials have no value of it." in text


def test_failures_are_counted_and_pruned_trials_are_said(folder, tmp_path):
    text, findings, _ = reported(tmp_path, "--optuna", url_of(folder), "--study", "tpe")
    assert of_topic(findings, "failure")[0]["claim"].startswith("12 of 54 trials failed")
    assert "6 trials were pruned" in text


def test_a_storage_is_not_written_to(folder, tmp_path):
    def digest():
        return hashlib.sha256((folder / "optuna.db").read_bytes()).hexdigest()

    before = digest(), sorted(path.name for path in folder.iterdir())
    reported(tmp_path, "--optuna", url_of(folder), "--study", "tpe")
    assert before == (digest(), sorted(path.name for path in folder.iterdir()))


def test_the_only_study_of_a_storage_needs_no_name(tmp_path):
    url = url_of(tmp_path)
    optimized(url, "a study / of mine", loss, RandomSampler(seed=1), 12)
    _, _, place = reported(tmp_path / "out", "--optuna", url)
    assert place.name == "a-study-of-mine"


@pytest.mark.filterwarnings("ignore:.*set_metric_names is experimental")
def test_one_of_several_objectives_is_named(tmp_path):
    url = url_of(tmp_path)
    study = optuna.create_study(study_name="two", storage=url, directions=["minimize", "maximize"])
    study.set_metric_names(["loss", "reward"])
    study.optimize(lambda trial: ((x := trial.suggest_float("x", 0, 1)) ** 2, 100 * x), n_trials=12)
    rows = {name: from_storage(url, None, name, False) for name in ("loss", "reward")}
    assert [row.objective.maximize for row in rows.values()] == [False, True]
    best = {name: row.runs.sort_values("objective").iloc[-1].x for name, row in rows.items()}
    xs = [trial.params["x"] for trial in study.trials]
    assert best == {"loss": min(xs), "reward": max(xs)}

"""Whole reports on studies whose objective is no accuracy: a loss of pictures, and the error of a user's own loop."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.compare import main as compare
from hyperstudy.reports.findings import main
from hyperstudy.reports.load import load
from hyperstudy.reports.page.render import write_report
from hyperstudy.reports.sections import outline
from hyperstudy.reports.sections.decision import decision
from hyperstudy.study.outputs.objective import Objective
from hyperstudy.study.tracking.tracker import Tracker
from tests.reports.planted import SPACE, planted
from tests.reports.stored import LOOP, PICTURES, UNTESTED, stored
from tests.tracking.runs import make_tracker

BALANCED = Objective(
    "validation balanced accuracy", True, key="val/balanced-accuracy", test_key="test/balanced-accuracy"
)
KINDS = {
    "loss": PICTURES,
    "rmse": LOOP,
    "untested": LOOP._replace(objective=UNTESTED),
    "balanced": PICTURES._replace(
        objective=BALANCED, value=lambda levels: 1 / (2 + 2 * PICTURES.value(levels)), chance=0.1
    ),
}
NAMES = {"loss": "test loss", "rmse": "test rmse", "untested": "validation rmse", "balanced": "test balanced accuracy"}
LOOPS = ("rmse", "untested")
OPEN = "There is no test metric"


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The folder of each study's report, and the study."""
    made = {}
    for kind, study in KINDS.items():
        folder = tmp_path_factory.mktemp(kind)
        uri = stored(folder, study).uri
        assert main(["--study", "made", "--tracking-uri", uri, "--folder", str(folder)]) == 0
        made[kind] = SimpleNamespace(folder=folder / "made", study=load(uri, "made", ""), uri=uri)
        made[kind].text = (folder / "made" / "README.md").read_text().replace("\\", "")
        made[kind].findings = json.loads((folder / "made" / "findings.json").read_text())
    return made


def of_topic(report, topic):
    return [row for row in report.findings if row["topic"] == topic]


@pytest.mark.parametrize("kind", KINDS)
def test_the_decision_is_in_the_objective_and_a_lead_reads_as_a_gain(kind, reports):
    report = reports[kind]
    study, (first, *_) = report.study, re.findall(r"\*\*(.+)\*\*", report.text)
    winner, default = (study.objective.own(study.of_finalist(role).tested.mean()) for role in ("winner", "default"))
    assert (winner > default) == study.objective.maximize, "the better one won"
    levels = study.finalists["winner"]
    assert first.startswith(f"Use lr = {levels['lr']:.4g}, ")
    told = rf": {NAMES[kind]} ([\d.]+) ?\w* \[.+?\].*?, ([\d.]+) ?\w* \[\+([\d.]+), \+[\d.]+\] better than the default"
    value, lead, low = re.search(f"{told}, with probability 0.99", first).groups()
    assert float(value) == pytest.approx(winner, rel=1e-3)
    assert float(lead) == pytest.approx(abs(winner - default), rel=1e-3)
    assert 0 < float(low) < float(lead)


@pytest.mark.parametrize("kind", ["loss", *LOOPS])
def test_no_sentence_is_about_accuracy_but_that_on_classes(kind, reports):
    folder, parts = reports[kind].folder, r"(?s)(## |<h2[^>]*>)What the winner gets wrong.*?(?=## |<h2)"
    for name in ("README.md", "report.html"):
        whole = re.sub(r"<style>.*?</style>|base64,[^\"]+", "", (folder / name).read_text(), flags=re.DOTALL)
        assert "accurac" not in re.sub(parts, "", whole).lower()
        assert ("accurac" in whole.lower()) == (kind == "loss"), "that of the classes"
        assert "This part failed" not in whole


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_holds_the_word_accuracy_stands_once(kind, reports):
    assert not re.search(r"(validation|test) \w+ (validation|test) ", reports[kind].text)
    assert not re.search(r"(\b\w+ )\1(accuracy|loss|rmse)", reports[kind].text)


@pytest.mark.parametrize("kind", KINDS)
def test_what_needs_classes_appears_where_there_are_classes(kind, reports):
    text, pictures = reports[kind].text, kind not in LOOPS
    assert ("What the winner gets wrong" in text) == pictures
    assert (reports[kind].folder / "figures" / "confusion.png").exists() == pictures
    assert pictures or not re.search("picture|network|chance", text)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_test_metric_the_report_says_what_that_leaves_open(kind, reports):
    first, *rest = reports[kind].text.split("**warn**: ")
    expected = kind == "untested"
    assert (OPEN in first.split("\n")[2]) == expected, "in the first line"
    assert any(part.startswith(OPEN) for part in rest) == expected, "and among the limits"
    assert ("on data by which nothing was chosen" in reports[kind].text) == expected


@pytest.mark.parametrize(("kind", "does"), [("loss", "lowers"), ("untested", "lowers"), ("balanced", "raises")])
def test_leads_are_gains_and_effects_of_changes_have_the_objective_s_own_sign(kind, does, reports):
    lead = of_topic(reports[kind], "lead")[0]
    assert f"The winner's {NAMES[kind]} is " in lead["claim"]
    assert " better than the default's, over seeds; the probability that it is better" in lead["claim"]
    assert lead["effect"].startswith("+")
    assert lead["interval"].startswith("[+")
    change = next(row for row in of_topic(reports[kind], "experiment") if row["claim"].startswith("lr "))
    assert f", {does} {NAMES[kind]} by " in change["claim"]
    assert change["effect"][0] == {"lowers": "-", "raises": "+"}[does]
    low, high = json.loads(change["interval"].replace("+", ""))
    assert low < float(change["effect"]) < high


@pytest.mark.parametrize("kind", KINDS)
def test_tables_hold_the_objective_s_own_values(kind, reports):
    report, objective = reports[kind], reports[kind].study.objective
    trials = pd.read_csv(report.folder / "tables" / "trials.csv")
    assert (trials[objective.name].dropna() > 0).all()
    known = objective.own(report.study.runs.objective)
    assert trials[objective.name].to_numpy() == pytest.approx(known.to_numpy(), nan_ok=True)
    assert objective.confirmed.name in trials
    assert ("test rmse" in trials) == (kind == "rmse")
    best = pd.read_csv(report.folder / "tables" / "best_by_level.csv").best
    explored = known[(report.study.runs.phase == "explore") & (report.study.runs.state == "complete")]
    assert (best.max() if objective.maximize else best.min()) == pytest.approx(
        explored.max() if objective.maximize else explored.min()
    )


@pytest.mark.parametrize(
    ("kind", "claim", "question", "command"),
    [
        (
            "loss",
            "5 of 32 designed trials failed to train: 5 diverged, and 0 ended no better than guessing.",
            "affect the validation loss (nats, lower is better) of model cnn on digits, and which",
            "--dataset digits --model cnn --trials 44 --sampler tpe --pruner median --objective loss --study made-next",
        ),
        (
            "untested",
            "1 of 32 designed trials diverged, and have no value.",
            "How do lr, depth, kind affect the validation rmse (km, lower is better) of loop prices, and which",
            "--loop prices --trials 44 --sampler tpe --pruner median --study made-next",
        ),
    ],
)
def test_failures_question_and_next_command_are_those_of_the_study(kind, claim, question, command, reports):
    assert of_topic(reports[kind], "failure")[0]["claim"] == claim
    assert question in reports[kind].text
    assert f"python -m study.run {command}" in reports[kind].text


@pytest.mark.parametrize(("kind", "won"), [("loss", "on validation"), ("untested", "the re-ranking")])
def test_a_winner_that_fresh_seeds_contradict_is_not_recommended(kind, won, tmp_path):
    study = load(stored(tmp_path, KINDS[kind], better=3.0).uri, "made", "")
    told = decision(Analysis(study)).sentence
    assert told.startswith("Use the default, lr = ")
    assert f"The configuration that won {won} is " in told
    assert re.search(r"\[-[\d.]+, -[\d.]+\] worse\.", told)


def test_a_curve_is_larger_is_better_and_keeps_what_was_logged(reports, monkeypatch):
    rows = [{"epoch": 1.0, "rmse": 4.0, "time/train_seconds": 1.0}, {"epoch": 2.0, "rmse": 3.0}]
    monkeypatch.setattr(Tracker, "curves", lambda self, runs: ((run.run_id, rows) for run in runs))
    study = load(reports["rmse"].uri, "made", "")
    assert study.curves.objective.tolist() == [-4.0, -3.0] * len(study.runs)
    assert study.curves["time/train_seconds"].max() == 1.0


def test_a_study_of_an_earlier_version_is_one_of_accuracy(tmp_path):
    tracker = make_tracker(tmp_path)
    tracker.tag("study.space", json.dumps({name: row.as_dict() for name, row in SPACE.items()}))
    params = {name: row.default for name, row in SPACE.items()}
    metrics = {"objective": 0.9, "best_val_accuracy": 0.92, "test/accuracy": 0.91, "final_val_loss": 0.3}
    for phase in ("explore", "confirm"):
        run_id = tracker.start(phase, params, {"phase": phase, "trial": 0, "role": "winner"}, [])
        tracker.finish(run_id, "complete", metrics, {})
    study = load(tracker.uri, None, "")
    assert study.objective.accuracy
    assert study.runs.best_objective.tolist() == [0.92, 0.92]
    assert study.runs.tested.tolist() == [pytest.approx(np.nan, nan_ok=True), 0.91], "in the confirmation alone"


@pytest.mark.parametrize("diverged", [True, False])
def test_a_loop_that_was_not_confirmed_or_never_trained_loses_no_part_of_the_report(diverged, tmp_path):
    study = planted(0, lambda u: 0.5 + 0 * u.lr)
    runs = (
        study.runs.assign(objective=np.nan, state="diverged")
        if diverged
        else study.runs.assign(objective=-study.runs.lr)
    )
    tags = {name: value for name, value in study.tags.items() if name not in ("study.model", "study.dataset")}
    study = replace(study, runs=runs, tags={**tags, "study.loop": "prices"}, objective=UNTESTED)
    question, sections = outline(study)
    write_report(Analysis(study), sections, question, tmp_path, decision)
    text = (tmp_path / "README.md").read_text()
    assert not (tmp_path / "errors.log").exists(), (tmp_path / "errors.log").read_text()
    assert "Nothing was confirmed over fresh seeds" in text
    assert "accurac" not in text
    assert OPEN in text


def test_confirmation_runs_that_diverged_are_missed(reports, tmp_path):
    study = reports["rmse"].study
    runs = study.runs.copy()
    lost = runs.index[(runs.phase == "confirm") & (runs.role == "winner")][:2]
    runs.loc[lost, "state"] = "diverged"
    runs.loc[lost, ["objective", "tested"]] = np.nan
    changed = replace(study, runs=runs)
    assert len(changed.answered("winner")) == 3
    question, sections = outline(changed)
    write_report(Analysis(changed), sections, question, tmp_path, decision)
    assert "are in no mean: 2 of the winner." in (tmp_path / "README.md").read_text()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A store with two studies of the same loop, and one with another objective."""
    folder = tmp_path_factory.mktemp("pair")
    stored(folder, LOOP, "one")
    stored(folder, LOOP, "two", better=-0.5)
    return folder, stored(folder, KINDS["untested"], "other").uri


def test_studies_of_one_objective_are_compared_by_it(pair, capsys):
    folder, uri = pair
    assert compare(["one", "two", "--tracking-uri", uri, "--folder", str(folder)]) == 0
    told = capsys.readouterr().out
    assert re.search(
        r"The winner of two reaches a test rmse 0\.525 km better than that of one, over 5 equal seeds", told
    )
    (found, *_) = json.loads((folder / "one-vs-two" / "findings.json").read_text())
    assert found["effect"] == "+0.525"
    text = (folder / "one-vs-two" / "README.md").read_text()
    assert "accurac" not in text
    assert "picture" not in text
    assert "test rmse" in text


def test_studies_of_different_objectives_are_not_compared(pair, capsys):
    folder, uri = pair
    assert compare(["one", "other", "--tracking-uri", uri, "--folder", str(folder)]) == 2
    told = capsys.readouterr().err
    assert "studies must have the same objective" in told
    assert told.count("\n") == 1

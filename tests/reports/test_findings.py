"""The report as files: on a real study, on poor ones, and on hostile names."""

import json
import pickle
import re
import shlex
from concurrent.futures import Executor, Future
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from reports.advice import health
from reports.findings import main
from reports.frames import Answers
from reports.load import load
from reports.plots import PLOTS
from reports.render import APART, RECIPE_SECTIONS, SECTIONS, _made_with, _markdown, write_report
from reports.tables import TABLES
from study.core.plan import make_plan
from study.outputs import pictures
from study.studies.options import parse_options
from study.tracking.tracker import Tracker
from tests.conftest import python
from tests.planted import SPACE, planted


def peak(u):
    return 0.97 - 0.5 * (u.lr - 0.6) ** 2


def rendered(study, folder):
    write_report(study, folder)
    return (folder / "README.md").read_text(), (folder / "report.html").read_text()


@pytest.fixture(scope="module")
def report(finished_study):
    done = python("-m", "reports.findings", cwd=finished_study)
    assert done.returncode == 0, done.stderr
    return finished_study / "reports" / "digits-cnn"


def test_a_report_has_every_part_and_no_error(report):
    text, page = (report / "README.md").read_text(), (report / "report.html").read_text()
    for section in SECTIONS:
        assert f"## {section.title}" in text
        assert section.title in page
    assert "failed:" not in text
    found = json.loads((report / "findings.json").read_text())
    assert found
    assert all(f["verdict"] in ("supported", "suggestive", "inconclusive") for f in found)
    for path in re.findall(r"\((figures/[^)]+)\)", text):
        assert (report / path).stat().st_size > 5000


class Late(Executor):
    """Does what it is asked only when the result is wanted, as a busy process would."""

    def __init__(self):
        self.handed = []

    def submit(self, function, *arguments):
        self.handed.append((arguments, pickle.dumps(arguments)))
        done = Future()
        done.result = lambda: function(*arguments)
        return done


def test_what_a_helper_draws_from_does_not_change_while_the_report_is_made(tmp_path):
    helper = Late()
    write_report(planted(0, peak, 12), tmp_path, helper)
    assert len(helper.handed) == len(APART)
    assert all(pickle.dumps(arguments) == before for arguments, before in helper.handed)
    assert (tmp_path / "figures" / "budget.png").exists()


def test_a_study_whose_name_leads_elsewhere_is_refused(tmp_path, monkeypatch):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    tracker = Tracker(uri, "../../evil")
    tracker.create("")
    tracker.tag("study.space", "{}")
    done = python("-m", "reports.findings", "--tracking-uri", uri, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "study must be a name of letters" in done.stderr
    assert not (tmp_path / "reports").exists()


def test_a_carriage_return_in_a_name_begins_no_line():
    assert "\r" not in _markdown("cat\r\r# Everything is fine")
    assert "\n" not in _markdown("cat\r\n# Everything is fine\u2028- yes")


def test_what_the_winner_gets_wrong_is_of_the_latest_winner(tmp_path):
    """Another was trained as the winner before the study grew."""
    tracker = Tracker(f"sqlite:///{tmp_path}/mlflow.db", "s")
    tracker.create("")
    tracker.tag("study.space", json.dumps(SPACE))
    defaults = {name: row["default"] for name, row in SPACE.items()}
    for lr, counts in ((0.1, "1,9"), (0.01, "9,1")):
        folder = tmp_path / str(lr)
        folder.mkdir()
        (folder / "confusion_matrix.csv").write_text(f",a,b\na,{counts}\nb,0,10\n")
        params, tags = {**defaults, "lr": lr, "seed": 1000}, {"phase": "confirm", "role": "winner"}
        run = tracker.start("winner-seed-1000", params, tags, [])
        tracker.finish(run, "complete", {"objective": 0.5, "test/accuracy": 0.5}, folder)
    tracker.tag("study.finalists", json.dumps({"winner": {**defaults, "lr": 0.01}}))
    study = load(tracker.uri, "s", "")
    assert study.answers.counts.to_numpy().tolist() == [[9, 1], [0, 10]]


def test_classes_may_be_called_anything(tmp_path):
    names = ["a_$_$", "x^$2$", "plain"]
    counts = pd.DataFrame(np.eye(3, dtype=int) * 5, names, names)
    found = {"pictures": np.zeros((1, 1, 4, 4), np.uint8), "true": [0], "predicted": [1], "probability": [0.9]}
    answers = Answers(counts, {name: np.asarray(row) for name, row in found.items()})
    study = replace(planted(0, peak, 12), answers=answers)
    for name in ("confusion", "mistakes"):
        PLOTS[name](study).savefig(tmp_path / f"{name}.png")
    pictures.confusion_matrix(tmp_path / "c.png", counts.to_numpy(), names)
    pictures.prediction_grid(tmp_path / "g.png", found["pictures"], *(np.array([k]) for k in (0, 1)), names)


def test_code_that_no_commit_holds_is_told():
    study = planted(0, peak, 12)
    runs = study.runs.assign(**{"mlflow.source.git.commit": "0123456789" * 4 + "+changes"})
    changed = replace(study, runs=runs)
    assert "commit 012345678901+changes" in _made_with(changed)
    assert any("no commit holds" in check.text for check in health(changed))


def test_the_page_stands_alone(report):
    page = (report / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"#]+)', page)
    assert {source[:22] for source in sources} == {"data:image/png;base64,", "http://127.0.0.1:5000/"}
    assert page.count("<script") == 0


def test_every_run_is_in_the_table_with_its_link(report, finished_study):
    trials = pd.read_csv(report / "tables" / "trials.csv")
    runs = Tracker(f"sqlite:///{finished_study}/mlruns/mlflow.db", "digits-cnn").runs()
    ids = {run.run_id for run in runs if run.tags["phase"] != "report"}
    assert {link.rsplit("/", 1)[1] for link in trials.link} == ids


def test_the_report_hangs_on_the_study_in_the_tracker_once(report, finished_study):
    assert python("-m", "reports.findings", cwd=finished_study).returncode == 0
    tracker = Tracker(f"sqlite:///{finished_study}/mlruns/mlflow.db", "digits-cnn")
    (run,) = [run for run in tracker.runs() if run.tags["phase"] == "report"]
    names = {file.path for file in tracker.client.list_artifacts(run.run_id)}
    assert {"README.md", "report.html", "findings.json", "figures", "tables"} == names


def test_reports_do_not_load_torch(finished_study):
    code = "import sys; from reports.findings import main; main([]); print({'torch', 'optuna'} & set(sys.modules))"
    assert python("-c", code, cwd=finished_study).stdout.splitlines()[-1] == "set()"


def test_a_study_that_does_not_exist_is_one_line_with_the_names_that_do(finished_study, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(finished_study)
    assert main(["--study", "digits-cnm"]) == 2
    error = capsys.readouterr().err
    assert "study must be one of 'digits-cnn'; got 'digits-cnm' (did you mean 'digits-cnn'?)" in error
    assert error.count("\n") == 1
    monkeypatch.chdir(tmp_path)
    assert main([]) == 2
    assert "there is no study yet" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("trials", [1, 3, 12, 50])
def test_a_study_of_any_size_without_confirmation_says_what_it_cannot_say(trials, tmp_path):
    text, _ = rendered(planted(0, peak, trials), tmp_path)
    assert "This part failed" not in text
    assert "Nothing was confirmed on the test set" in text
    if trials < 12:
        assert "too few to say" in text


def test_a_study_in_which_everything_failed_says_so(tmp_path):
    text, _ = rendered(planted(0, lambda u: 0.05 + 0 * u.lr), tmp_path)
    assert "This part failed" not in text
    assert "32 of 32 designed trials failed to train" in text
    assert "too few to say" in text


def test_a_study_that_is_still_running_says_so(tmp_path):
    study = planted(0, peak, 50)
    running = study.runs.assign(state=["complete"] * 20 + ["running"] * 30)
    running.loc[20:, ["objective", "train_seconds"]] = float("nan")
    text, _ = rendered(replace(study, runs=running), tmp_path)
    assert "20 of 50 trials are finished; this report is of a part" in text
    assert "This part failed" not in text


def test_other_hyperparameters_than_the_usual_are_reported(tmp_path):
    plan = make_plan("digits", "cnn", {"weight_decay": "1e-6:1e-2", "lr": "1e-3", "optimizer": "sgd,adam"})
    study = planted(0, peak)
    runs = study.runs.assign(weight_decay=study.runs.lr / 10, optimizer=["sgd", "adam"] * 25)
    text, _ = rendered(replace(study, space=plan.describe(), runs=runs), tmp_path)
    assert "This part failed" not in text
    assert "weight\\_decay" in text


def test_what_comes_from_the_tracker_is_escaped(tmp_path):
    evil = "<script>alert(1)</script>|`x`\n```\n"
    study = planted(0, peak, 50, **{"study.dataset": evil, "study.hardware": evil})
    runs = study.runs.assign(name=evil)
    text, page = rendered(replace(study, name=evil, runs=runs), tmp_path)
    assert "<script" not in page
    prose = re.sub(r"^```sh\n.*\n```$", "", text, flags=re.M)
    assert "<script" not in prose
    assert "|`x`" not in prose


def test_a_part_that_breaks_becomes_a_card_and_the_rest_appears(tmp_path, monkeypatch):
    def broken(study):
        raise ZeroDivisionError("by the way")

    monkeypatch.setitem(PLOTS, "effects", broken)
    text, page = rendered(planted(0, peak), tmp_path)
    assert "This part failed: effects: ZeroDivisionError: by the way" in text
    assert "This part failed: effects: ZeroDivisionError: by the way" in page
    assert "## Health checks" in text


def test_the_next_command_is_one_that_runs(tmp_path):
    text, _ = rendered(planted(1, peak), tmp_path)
    (command,) = re.findall(r"python -m study.run (.+ --study planted-next .+)", text)
    options = parse_options(shlex.split(command))
    make_plan(options.dataset, options.model, options.given)


def test_every_figure_and_table_has_its_place_and_its_caption():
    placed = {name for section in (*SECTIONS, *RECIPE_SECTIONS) for name in (*section.plots, *section.tables)} | {
        "trials",
        "findings",
    }
    assert placed == {*PLOTS, *TABLES}
    assert {*PLOTS} > APART
    assert all(len(function.__doc__) > 20 for function in (*PLOTS.values(), *TABLES.values()))

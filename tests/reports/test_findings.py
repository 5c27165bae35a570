"""The report as files: on a real study, on poor ones, and on hostile names."""

import csv
import importlib
import json
import pkgutil
import re
import shlex
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hyperstudy.reports import sections
from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.findings import main
from hyperstudy.reports.frames import Answers
from hyperstudy.reports.load import load
from hyperstudy.reports.page.render import write_report
from hyperstudy.reports.sections import OTHERS_SECTIONS, RECIPE_SECTIONS, SECTIONS, mistakes, outline
from hyperstudy.reports.sections.health import versions
from hyperstudy.study.core.plan import make_plan
from hyperstudy.study.core.text import markdown
from hyperstudy.study.outputs import files, pictures
from hyperstudy.study.studies.options import parse_options
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import here
from tests.reports.planted import SPACE, planted, with_confirmation

EVERY = (*SECTIONS, *RECIPE_SECTIONS[:-1], *OTHERS_SECTIONS)  # the appendix is in both


def peak(u):
    return 0.97 - 0.5 * (u.lr - 0.6) ** 2


def rendered(study, folder, sections=None):
    question, usual = outline(study)
    write_report(Analysis(study), sections or usual, question, folder)
    return (folder / "README.md").read_text(), (folder / "report.html").read_text()


@pytest.fixture(scope="module")
def report(finished_study):
    folder = finished_study / "mlruns" / "reports"
    done = here(main, finished_study, "--folder", str(folder))
    assert done.returncode == 0, done.stderr
    return folder / "digits-cnn"


def test_a_report_has_every_part_and_no_error(report):
    text, page = (report / "README.md").read_text(), (report / "report.html").read_text()
    for section in SECTIONS:
        assert f"## {section.title}" in text
        assert section.title in page
    assert "failed:" not in text
    assert not (report / "errors.log").exists()
    found = json.loads((report / "findings.json").read_text())
    assert found
    assert all(f["verdict"] in ("supported", "suggestive", "inconclusive", "") for f in found)
    for path in re.findall(r"\((figures/[^)]+)\)", text):
        assert (report / path).stat().st_size > 5000


def test_a_study_whose_name_leads_elsewhere_is_refused(tmp_path, monkeypatch, capsys):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    tracker = Tracker(uri, "../../evil")
    tracker.create()
    tracker.tag("study.space", "{}")
    monkeypatch.chdir(tmp_path)
    assert main(["--tracking-uri", uri]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "study must be a name of letters" in told
    assert not (tmp_path / "mlruns").exists()


def test_a_carriage_return_in_a_name_begins_no_line():
    assert "\r" not in markdown("cat\r\r# Everything is fine")
    assert "\n" not in markdown("cat\r\n# Everything is fine\u2028- yes")


def confirm(tracker, lr, confusion):
    """A confirmation run of the winner, with its confusion matrix as CSV."""
    params = {**{name: row.default for name, row in SPACE.items()}, "lr": lr, "seed": 1000}
    run = tracker.start("winner-seed-1000", params, {"phase": "confirm", "role": "winner"}, [])
    metrics = {"objective": 0.5, "test/accuracy": 0.5}
    tracker.finish(run, "complete", metrics, {"confusion_matrix.csv": confusion})


@pytest.fixture
def tracker(tmp_path):
    tracker = Tracker(f"sqlite:///{tmp_path}/mlflow.db", "s")
    tracker.create()
    tracker.tag("study.space", json.dumps({name: row.as_dict() for name, row in SPACE.items()}))
    winner = {name: row.default for name, row in SPACE.items()} | {"lr": 0.01}
    tracker.tag("study.finalists", json.dumps({"winner": winner}))
    return tracker


def test_what_the_winner_gets_wrong_is_of_the_latest_winner(tracker):
    """Another was trained as the winner before the study grew."""
    for lr, counts in ((0.1, [[1, 9], [0, 10]]), (0.01, [[9, 1], [0, 10]])):
        confirm(tracker, lr, files.confusion(np.array(counts), ["a", "b"]))
    answers = load(tracker.uri, "s", "").answers
    assert (answers.classes, answers.counts.tolist()) == (["a", "b"], [[9, 1], [0, 10]])


def test_class_names_survive_their_table(tracker):
    names = ["00000", "1e3", "a", "a", "a.1", "", "ä"]
    counts = np.arange(49).reshape(7, 7)
    confirm(tracker, 0.01, files.confusion(counts, names))
    answers = load(tracker.uri, "s", "").answers
    assert answers.classes == names
    assert (answers.counts == counts).all()
    table = mistakes.class_table(Analysis(replace(planted(0, peak, 12), answers=answers)))
    assert list(table["class"]) == names
    assert list(table.pictures) == list(counts.sum(1))
    assert table["mistaken most often for"][0] == "ä (6)"


def test_classes_may_be_called_anything(tmp_path):
    names = ["a_$_$", "x^$2$", "plain"]
    found = {"pictures": np.zeros((1, 1, 4, 4), np.uint8), "true": [0], "predicted": [1], "probability": [0.9]}
    answers = Answers(names, np.eye(3, dtype=int) * 5, {name: np.asarray(row) for name, row in found.items()})
    analysis = Analysis(replace(planted(0, peak, 12), answers=answers))
    for name, draw in mistakes.SECTION.figures.items():
        draw(analysis).savefig(tmp_path / f"{name}.png")
    assert pictures.confusion_matrix(answers.counts, names).startswith(b"\x89PNG")
    pictures.prediction_grid(tmp_path / "g.png", found["pictures"], *(np.array([k]) for k in (0, 1)), names)


@pytest.mark.parametrize("role", ["winner", "default"])
def test_a_default_outside_of_the_space_loses_no_part_of_the_report(tmp_path, role):
    """A study may search activations that its default has not, as with `--activation gelu,tanh`."""
    study = with_confirmation(planted(0, peak), 0.01, 0.005, 5, np.random.default_rng(0))
    finalists = json.loads(study.tags["study.finalists"])
    levels = {**finalists[role], "activation": "silu"}
    runs = study.runs.copy()
    runs.loc[runs.role == role, "activation"] = "silu"
    tags = {**study.tags, "study.finalists": json.dumps({**finalists, role: levels})}
    space = {**study.space, "activation": study.space["activation"]._replace(default="silu")}
    text, _ = rendered(replace(study, runs=runs, tags=tags, space=space), tmp_path)
    assert "This part failed" not in text


def test_uncommitted_code_is_reported(tmp_path):
    study = planted(0, peak, 12)
    runs = study.runs.assign(**{"mlflow.source.git.commit": "0123456789" * 4 + "+changes"})
    changed = replace(study, runs=runs)
    assert "uncommitted changes" in versions(Analysis(changed)).text
    text, page = rendered(changed, tmp_path)
    assert "commit 012345678901+changes" in text
    assert "commit 012345678901+changes" in page


def test_the_page_stands_alone(report):
    page = (report / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"#]+)', page)
    assert {source[:22] for source in sources} == {"data:image/png;base64,", "http://127.0.0.1:5000/"}
    assert page.count("<script") == 1
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(", page)


def test_every_run_is_in_the_table_with_its_link(report, finished_study):
    trials = pd.read_csv(report / "tables" / "trials.csv")
    runs = Tracker(f"sqlite:///{finished_study}/mlruns/mlflow.db", "digits-cnn").runs()
    ids = {run.run_id for run in runs if run.tags["phase"] != "report"}
    assert {link.rsplit("/", 1)[1] for link in trials.link} == ids


def test_the_report_is_attached_to_the_study_once(report, finished_study):
    assert here(main, finished_study, "--folder", str(report.parent)).returncode == 0
    tracker = Tracker(f"sqlite:///{finished_study}/mlruns/mlflow.db", "digits-cnn")
    (run,) = [run for run in tracker.runs() if run.tags["phase"] == "report"]
    names = {file.path for file in tracker.client.list_artifacts(run.run_id)}
    assert {"README.md", "report.html", "findings.json", "figures", "tables"} == names


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
    assert "20 of 50 trials are finished; this report covers a part" in text
    assert "This part failed" not in text


def test_other_hyperparameters_than_the_usual_are_reported(tmp_path):
    plan = make_plan("digits", "cnn", {"weight_decay": "1e-6:1e-2", "lr": "1e-3", "optimizer": "sgd,adam"})
    study = planted(0, peak)
    runs = study.runs.assign(weight_decay=study.runs.lr / 10, optimizer=["sgd", "adam"] * 25)
    text, _ = rendered(replace(study, space=plan.dimensions(), runs=runs), tmp_path)
    assert "This part failed" not in text
    assert "weight\\_decay" in text


def test_text_from_the_tracker_is_escaped(tmp_path):
    evil = "<script>alert(1)</script>|`x`\n```\n"
    study = planted(0, peak, 50, **{"study.dataset": evil, "study.hardware": evil})
    runs = study.runs.assign(name=evil)
    text, page = rendered(replace(study, name=evil, runs=runs), tmp_path)
    assert page.count("<script") == 1, "its own"
    assert "alert(1)</script>" not in page
    prose = re.sub(r"^```sh\n.*\n```$", "", text, flags=re.M)
    assert "<script" not in prose
    assert "|`x`" not in prose


def broken(analysis):
    """A part that fails."""
    raise ZeroDivisionError("by the way")


@pytest.mark.parametrize("kind", ["claims", "figures", "tables", "checks", "steps"])
def test_a_part_that_fails_becomes_a_card_with_its_traceback_in_a_log(kind, tmp_path):
    study = planted(0, peak)
    first, *others = SECTIONS
    failing = replace(first, **{kind: {**getattr(first, kind), "odd": broken}})
    text, page = rendered(study, tmp_path, (failing, *others))
    line = "This part failed: odd: ZeroDivisionError: by the way (traceback in errors.log)"
    assert line in text
    assert line in page
    assert "## Health checks" in text
    log = (tmp_path / "errors.log").read_text()
    assert log.count("Traceback (most recent call last)") == 1
    assert f'"{__file__}", line ' in log
    assert log.endswith("ZeroDivisionError: by the way\n")
    rendered(study, tmp_path, others[-1:])
    assert not (tmp_path / "errors.log").exists(), "it is of an earlier report"


def test_figures_and_tables_of_an_earlier_report_do_not_stay(tmp_path):
    study = with_confirmation(planted(0, peak), 0.02, 0.01, 5, np.random.default_rng(0))
    rendered(study, tmp_path)
    earlier = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    theirs = [tmp_path / "figures" / "notes.txt", tmp_path / "tables" / "mine.xlsx", tmp_path / "figures.csv"]
    for path in theirs:
        path.touch()
    rendered(planted(0, peak), tmp_path)
    rest = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    gone = {"figures/lead.png", "figures/lead.svg", "tables/finalists.csv", "tables/hypotheses.csv"}
    assert gone <= earlier
    assert not gone & rest
    assert {"figures/effects.png", "tables/findings.csv", "tables/trials.csv"} <= rest
    assert all(path.exists() for path in theirs), "a report removes what it could have written, and nothing else"


def test_the_next_command_is_one_that_runs(tmp_path):
    text, _ = rendered(planted(1, peak), tmp_path)
    (command,) = re.findall(r"python -m study.run (.+ --study planted-next .+)", text)
    options = parse_options(shlex.split(command))
    make_plan(options.dataset, options.model, options.given)


@pytest.mark.parametrize("kind", ["figures", "tables", "claims", "checks", "steps"])
def test_rows_have_names_of_their_own_and_a_docstring(kind):
    """That of a figure or a table is its caption."""
    rows = [row for section in EVERY for row in getattr(section, kind).items()]
    assert len({name for name, _ in rows}) == len(rows) > 0
    assert all(row.__doc__.strip() for _, row in rows)


def test_every_file_of_a_section_is_in_a_report():
    files = [
        importlib.import_module(f"hyperstudy.reports.sections.{f.name}")
        for f in pkgutil.iter_modules(sections.__path__)
    ]
    made = {id(file.SECTION) for file in files if hasattr(file, "SECTION")}
    assert made == {id(section) for section in EVERY}
    assert len(made) == len(EVERY) == len({section.anchor for section in EVERY})


def test_the_findings_as_table_and_as_json_are_the_same(tmp_path):
    rendered(planted(0, peak), tmp_path)
    rows = json.loads((tmp_path / "findings.json").read_text())
    with (tmp_path / "tables" / "findings.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(rows) > 5
    assert [row | {"n": str(row["n"]), "evidence": " ".join(row["evidence"])} for row in rows] == table

"""A study of a user's own training loop: the README's regression, which has a test, and a text classifier without."""

import json
import re

import optuna
import pytest

from hyperstudy.reports.findings import main as report
from hyperstudy.study.export import main as export
from hyperstudy.study.predict import main as predict
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import ROOT, here, in_phase, python, store_of, trial_runs

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
REGRESSION = next(block for block in BLOCKS if "hs.LOOPS[" in block)
TEXT = """
import math
import re

import hyperstudy as hs
import statistics
import textwrap
import torch
from torch import nn

MODULES = (math, statistics, textwrap, re)  # which module is a line of help from?
LINES = [
    (line.lower().split(), label)
    for label, module in enumerate(MODULES)
    for thing in vars(module).values()
    for line in (getattr(thing, "__doc__", None) or "").splitlines()
    if len(line.split()) > 3
]
WORDS = {word: number for number, word in enumerate(sorted({word for words, _ in LINES for word in words}))}
TRAIN, VAL = LINES[::2], LINES[1::2]


def batch(lines):
    bags = [torch.tensor([WORDS[word] for word in words]) for words, _ in lines]
    return nn.utils.rnn.pad_sequence(bags, batch_first=True), torch.tensor([label for _, label in lines])


def train(config, seed):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.EmbeddingBag(len(WORDS), config.width), nn.Linear(config.width, len(MODULES)))
    steps = torch.optim.Adam(model.parameters(), config.lr)
    (words, labels), (val_words, val_labels) = batch(TRAIN), batch(VAL)
    for _ in range(config.epochs):
        loss = nn.functional.cross_entropy(model(words), labels)
        steps.zero_grad()
        loss.backward()
        steps.step()
        right = model(val_words).argmax(1) == val_labels
        yield {"hit rate": right.float().mean().item(), "train loss": loss.item()}


hs.LOOPS["helptext"] = hs.Loop(
    train,
    {
        "lr": hs.Hyperparameter("step size", 0.01, hs.Range(1e-4, 0.1, log=True), (0, 1), searched=True),
        "width": hs.Hyperparameter("size of an embedding", 16, hs.Range(2, 64, log=True), (1, 512), searched=True),
        "epochs": hs.Hyperparameter("passes", 6, hs.Range(2, 20), (1, 100)),
    },
    objective="hit rate",
)
"""
SHORT = ("--trials", "10", "--confirm-seeds", "2", "--workers", "1")


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """A folder with both files and a finished study of each, and what the studies printed."""
    folder, said = tmp_path_factory.mktemp("loops"), {}
    for name, text in (("progression", REGRESSION), ("helptext", TEXT)):
        (folder / f"{name}.py").write_text(text)
        done = python("-m", "study.run", "--from", f"{name}.py", "--loop", name, *SHORT, cwd=folder)
        assert done.returncode == 0, done.stderr
        said[name] = done.stdout
    return folder, said


def report_of(folder, study):
    done = here(report, folder, "--study", study, "--folder", str(folder / "reports"))
    assert done.returncode == 0, done.stderr
    made = folder / "reports" / study
    return (made / "README.md").read_text(), json.loads((made / "findings.json").read_text())


def test_an_error_is_minimised_from_the_search_to_the_decision(studied):
    folder, said = studied
    runs = trial_runs(folder, "progression")
    for run in runs:
        assert run.metrics["objective"] == run.metrics["error"]
        assert ("test/error" in run.metrics) == (run.phase == "confirm")
    complete = [run for run in in_phase(runs, "explore", "search") if run.state == "complete"]
    best = min(complete, key=lambda run: run.metrics["error"])
    again = [run for run in in_phase(runs, "rerank") if run.params["rate"] == best.params["rate"]]
    assert again, "the trial with the lowest error is a candidate"
    assert re.search(r"Use .*: test error [\d.]+ points \[", said["progression"])


def test_the_report_speaks_of_the_loop_s_own_metric_and_unit(studied):
    folder, _ = studied
    text, _ = report_of(folder, "progression")
    assert "validation error (points, lower is better) of loop progression" in text
    assert "ccurac" not in text
    assert "confusion" not in text


def test_without_a_test_metric_the_report_says_what_is_left_open(studied):
    folder, said = studied
    text, _ = report_of(folder, "helptext")
    first = next(line for line in text.splitlines() if line.startswith("**"))
    assert "There is no test metric" in first
    assert "There is no test metric" in said["helptext"]
    assert "validation hit rate" in text
    assert not [run for run in trial_runs(folder, "helptext") if any(n.startswith("test/") for n in run.metrics)]


def test_the_same_command_finds_nothing_left_to_do(studied):
    folder, _ = studied
    before = len(trial_runs(folder, "progression"))
    words = ("--from", "progression.py", "--loop", "progression")
    done = python("-m", "study.run", *words, *SHORT, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert len(trial_runs(folder, "progression")) == before


def test_ablation_finds_the_file_and_trains_in_the_loop(studied):
    folder, _ = studied
    done = python("-m", "study.ablate", "--study", "helptext", "--workers", "1", "--seeds", "3", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "differences are in validation hit rate" in done.stdout or "so there is nothing to compare" in done.stdout


def test_what_a_loop_has_not_is_said_in_one_line(studied):
    folder, _ = studied
    done = here(predict, folder, "--study", "progression", "--grid", "2")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "study 'progression' has no champion" in done.stderr
    both = ("--from", "progression.py", "--loop", "progression", "--model", "cnn")
    refused = python("-m", "study.run", *both, cwd=folder)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "a loop has no model but its own; got --loop progression and --model cnn" in refused.stderr


def test_optuna_gets_the_direction(studied):
    folder, _ = studied
    done = here(export, folder, "--study", "progression", "--to", f"sqlite:///{folder}/o.db")
    assert done.returncode == 0, done.stderr
    study = optuna.load_study(study_name="progression", storage=f"sqlite:///{folder}/o.db")
    assert (study.direction.name, study.metric_names) == ("MINIMIZE", ["error"])
    runs = in_phase(trial_runs(folder, "progression"), "explore", "search")
    assert study.best_value == min(run.metrics["error"] for run in runs if run.state == "complete")


def test_every_run_keeps_the_file_and_its_epochs(studied, tmp_path):
    folder, _ = studied
    tracker = Tracker(store_of(folder), "progression")
    run = trial_runs(folder, "progression")[0]
    assert tracker.download(run.run_id, "progression.py", tmp_path).read_text() == REGRESSION
    ((_, epochs),) = tracker.curves([run])
    assert [row["epoch"] for row in epochs] == list(range(1, len(epochs) + 1))
    assert epochs[-1]["error"] == run.metrics["error"]


SCRIPT = """
import hyperstudy as hs


def train(config, seed):
    for step in range(3):
        yield {"regret": (config.x - 0.3) ** 2 + seed % 7 / 1000}


x = hs.Hyperparameter("where", 0.5, hs.Range(0.0, 1.0), searched=True)
study = hs.run(loop=hs.Loop(train, {"x": x}, "regret", maximize=False), trials=8, confirm_seeds=2, workers=1)
print(study.name, study.winner["x"], study.trials.objective.between(0, 0.5).all())
try:
    study.predict([[0]])
except hs.InputError as error:
    print(error)
"""


def test_a_loop_is_run_from_python(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    done = python("script.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    name, where, all_plain = done.stdout.splitlines()[-2].split()
    assert (name, all_plain) == ("train", "True")
    assert abs(float(where) - 0.3) < 0.15
    assert done.stdout.splitlines()[-1] == "study 'train' has no champion yet"


def test_a_loop_that_cannot_work_leaves_nothing(tmp_path):
    (tmp_path / "loop.py").write_text(REGRESSION.replace('yield {"error"', 'yield {"eror"'))
    done = python("-m", "study.run", "--from", "loop.py", "--loop", "progression", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "train must yield its objective 'error'; epoch 1 has eror" in done.stderr
    assert not (tmp_path / "mlruns").exists()

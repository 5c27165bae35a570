"""What stands for other people's scripts: an objective, tables, and how their trials are reported."""

import csv
import json
import math
import random
from pathlib import Path

import numpy as np
import optuna

from hyperstudy.reports.findings import main

BEST_LR = 10**-2.5


def loss(trial: optuna.Trial) -> float:
    """About 3.2 at the best; lr matters most, then the optimizer, and dropout does nothing."""
    lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    layers = trial.suggest_int("layers", 1, 6)
    optimizer = trial.suggest_categorical("optimizer", ["adam", "sgd"])
    trial.suggest_categorical("batch", [16, 32, 64])
    trial.suggest_float("dropout", 0.0, 0.5)
    if optimizer == "sgd":
        trial.suggest_float("momentum", 0.0, 0.99)
    noise = random.Random(trial.number).gauss(0, 0.1)
    return 3.2 + 1.5 * (math.log10(lr) + 2.5) ** 2 + 0.8 * (optimizer == "sgd") + 0.02 * layers + noise


def troubled(trial: optuna.Trial) -> float:
    """The same with every way to end: complete, pruned, failed with an error, and without a number."""
    value = loss(trial)
    if trial.number % 10 == 3:
        raise RuntimeError("out of memory")
    if trial.number % 10 == 7:
        return float("nan")
    for step in range(4):
        trial.report(value + 0.5**step, step)
        if trial.number % 10 == 5 and step == 2:
            raise optuna.TrialPruned
    return value


def optimized(url, name, objective, sampler, trials=60):
    study = optuna.create_study(study_name=name, storage=url, direction="minimize", sampler=sampler)
    study.optimize(objective, n_trials=trials, catch=RuntimeError)
    return study


def url_of(folder):
    return f"sqlite:///{folder}/optuna.db"


def reported(tmp_path, *words):
    """The report's text and its findings."""
    assert main([*map(str, words), "--folder", str(tmp_path)]) == 0
    (folder,) = tmp_path.iterdir()
    text = (folder / "README.md").read_text()
    assert not (folder / "errors.log").exists(), (folder / "errors.log").read_text()
    return text, json.loads((folder / "findings.json").read_text()), folder


def of_topic(findings, topic):
    return [row for row in findings if row["topic"] == topic]


def written(path: Path, rows: list[list[object]], **options: object) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file, **options).writerows(rows)
    return path


def plain_rows(count=12):
    rng = np.random.default_rng(0)
    return [["lr", "loss"], *([10 ** rng.uniform(-4, -1), rng.random()] for _ in range(count))]


PLAIN_SCRIPT = """
import sys, mlflow, math, random
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("their sweep")
draw = random.Random(0)
for number in range(24):
    with mlflow.start_run(run_name=f"sweep-{number}"):
        lr, depth = 10 ** draw.uniform(-4, -1), draw.randint(1, 4)
        mlflow.log_params({"lr": lr, "depth": depth, "loss_name": "huber"})
        for step in range(3):
            mlflow.log_metric("val_loss", 0.5 + (math.log10(lr) + 2.5) ** 2 + 0.5**step, step=step)
        mlflow.log_metric("size", number)
try:
    with mlflow.start_run(run_name="broken"):
        mlflow.log_params({"lr": 0.05, "depth": 2})
        raise RuntimeError
except RuntimeError:
    pass
with mlflow.start_run(run_name="notes"):
    mlflow.log_param("author", "me")
"""

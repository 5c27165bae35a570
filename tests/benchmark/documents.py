"""A study as the documents of Optuna and MLflow lead a user to write it: the other side of the whole study's ratio.

One process, a nested run per trial, `MedianPruner`, and the tutorials' loop inside the objective. It searches the same
space on the same pictures as ours, and prints its best validation accuracy:
`python -m tests.benchmark.documents DATA_DIR TRIALS EPOCHS`.
"""

import os
import sys
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
import optuna
from torch import nn

from hyperstudy.models import ACTIVATIONS
from hyperstudy.study.core.data.splits import load_splits
from hyperstudy.study.core.domains import Choice, Domain
from hyperstudy.study.core.plan import make_plan
from tests.benchmark import tutorials

DATASET, MODEL = "mnist", "mlp"


def main(data_dir: str, trials: str, epochs: str) -> None:
    splits = load_splits(DATASET, Path(data_dir), 28)
    plan = make_plan(DATASET, MODEL, {"epochs": epochs})
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("documents")

    def objective(trial: optuna.Trial) -> float:
        with mlflow.start_run(nested=True):
            config = plan.config({name: suggest(trial, name, space) for name, space in plan.space.items()})
            mlflow.log_params(trial.params)
            model = network(config.depth, config.activation)
            for epoch, shown in enumerate(tutorials.train(config, splits, model), start=1):
                mlflow.log_metric("val_accuracy", shown.val_accuracy, step=epoch)
                trial.report(shown.val_accuracy, epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned
            return shown.val_accuracy

    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner())
    with mlflow.start_run(run_name="study"):
        study.optimize(objective, n_trials=int(trials))
        mlflow.log_metric("best_val_accuracy", study.best_value)
    print(study.best_value)


def suggest(trial: optuna.Trial, name: str, space: Domain) -> object:
    if isinstance(space, Choice):
        return trial.suggest_categorical(name, space.options)
    kind = trial.suggest_int if space.integer else trial.suggest_float
    return kind(name, space.low, space.high, log=space.log)


def network(depth: int, activation: str) -> nn.Module:
    """`depth` hidden layers of 128 units."""
    layers: list[nn.Module] = [nn.Flatten()]
    for layer in range(depth):
        layers += [nn.Linear(128 if layer else 784, 128), ACTIVATIONS[activation](), nn.Dropout(0.0)]
    return nn.Sequential(*layers, nn.Linear(128, 10))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""One thread for the small matrices of the report, as in its command; and trials of other tools, made once."""

import csv

import numpy as np
import pytest
from optuna.samplers import RandomSampler, TPESampler
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from threadpoolctl import threadpool_limits

from tests.conftest import python
from tests.reports.others import (
    PLAIN_SCRIPT,
    loss,
    optimized,
    troubled,
)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A storage with a study of random trials and one of TPE's, and the table of each."""
    folder = tmp_path_factory.mktemp("theirs")
    url = f"sqlite:///{folder}/optuna.db"
    for name, objective, sampler in (("random", loss, RandomSampler(seed=0)), ("tpe", troubled, TPESampler(seed=0))):
        optimized(url, name, objective, sampler).trials_dataframe().to_csv(folder / f"{name}.csv")
    return folder


@pytest.fixture(scope="session")
def ridge(tmp_path_factory):
    """A hand-made table of ridge regressions on real data: RMSE by cross-validation."""
    path = tmp_path_factory.mktemp("table") / "ridge.csv"
    x, y = load_diabetes(return_X_y=True)
    rng = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["alpha", "fit_intercept", "useless", "solver", "rmse"])
        for row in range(32):
            alpha, intercept = 10 ** rng.uniform(-4, 3), row % 2 == 0
            scores = cross_val_score(
                Ridge(alpha=alpha, fit_intercept=intercept), x, y, scoring="neg_root_mean_squared_error"
            )
            table.writerow([alpha, intercept, rng.uniform(0, 1), "auto", -scores.mean()])
    return path


@pytest.fixture(scope="session")
def experiment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder}/mlflow.db"
    done = python("-c", PLAIN_SCRIPT, uri, cwd=folder)
    assert done.returncode == 0, done.stderr
    return uri

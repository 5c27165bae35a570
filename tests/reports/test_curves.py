import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.pruners import MedianPruner

from hyperstudy.reports.statistics.curves import IMPROVING, OVERFITTING, SETTLED, UNSTABLE, audit, ending


def curve(accuracy, loss=None, train=None):
    n = len(accuracy)
    falling = np.linspace(1, 0.1, n)
    columns = {"objective": accuracy, "val/loss": falling if loss is None else loss}
    return pd.DataFrame({**columns, "train/loss": falling if train is None else train})


@pytest.mark.parametrize(
    ("shown", "ended"),
    [
        (curve(np.linspace(0.5, 0.9, 10)), IMPROVING),
        (curve(np.r_[np.linspace(0.5, 0.9, 5), [0.9] * 5]), SETTLED),
        (curve([0.5, 0.7, 0.8, 0.85, 0.9, 0.9, 0.9, 0.8, 0.9, 0.9]), UNSTABLE),
        (curve([0.9] * 10, loss=np.r_[np.linspace(1, 0.3, 5), np.linspace(0.3, 0.6, 5)]), OVERFITTING),
        (curve([0.5, 0.9]), ""),
    ],
)
def test_a_curve_is_tagged_by_how_it_ended(shown, ended):
    assert ending(shown, 0.005) == ended


@pytest.mark.parametrize("epochs", [4, 10, 23])
def test_the_audit_stops_the_trials_that_optuna_s_median_pruner_stops(epochs):
    rng = np.random.default_rng(epochs)
    curves = {n: np.sort(rng.random(epochs)) * rng.random() for n in range(30)}
    pruner = MedianPruner(n_startup_trials=5, n_warmup_steps=max(1, epochs // 5))
    study = optuna.create_study(direction="maximize", pruner=pruner)
    trained, stopped = 0, 0
    for values in curves.values():
        trial = study.ask()
        for epoch, value in enumerate(values, start=1):
            trial.report(value, epoch)
            trained += 1
            if epoch < epochs and trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                stopped += 1
                break
        else:
            study.tell(trial, values[-1])
    found = audit(curves)
    assert stopped > 5
    assert (found.pruned, found.trials) == (stopped, 30)
    assert found.saved == pytest.approx(1 - trained / (30 * epochs))


def test_regret_is_what_the_rule_threw_away():
    late = {n: np.full(10, 0.5) for n in range(10)}
    late[10] = np.r_[np.full(8, 0.1), 0.9, 0.9]
    assert audit(late).regret == pytest.approx(0.4)
    assert audit({n: np.full(10, 0.5) for n in range(9)}) is None

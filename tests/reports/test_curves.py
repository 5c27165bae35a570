import numpy as np
import pandas as pd
import pytest
from optuna.pruners import MedianPruner
from optuna.trial import TrialState

from reports.curves import IMPROVING, OVERFITTING, SETTLED, UNSTABLE, audit, tag
from study.search.memory import Memory
from tests.test_memory import running


def curve(accuracy, loss=None, train=None):
    n = len(accuracy)
    falling = np.linspace(1, 0.1, n)
    columns = {"val/accuracy": accuracy, "val/loss": falling if loss is None else loss}
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
    assert tag(shown, 0.005) == ended


def test_the_audit_stops_the_trials_that_optuna_s_median_pruner_stops():
    rng = np.random.default_rng(0)
    curves = {n: np.sort(rng.random(10)) * rng.random() for n in range(30)}
    memory = Memory(MedianPruner(n_startup_trials=5, n_warmup_steps=2))
    stopped, epochs = 0, 0
    for number, values in curves.items():
        memory.add(running(number))
        for epoch, value in enumerate(values, start=1):
            memory.report(number, epoch, value)
            epochs += 1
            if epoch < len(values) and memory.should_prune(number):
                stopped += 1
                memory.end(number, TrialState.PRUNED, [value])
                break
        else:
            memory.end(number, TrialState.COMPLETE, [values[-1]])
    found = audit(curves)
    assert (found.pruned, found.trials) == (stopped, 30)
    assert found.saved == pytest.approx(1 - epochs / 300)


def test_regret_is_what_the_rule_threw_away():
    late = {n: np.full(10, 0.5) for n in range(10)}
    late[10] = np.r_[np.full(8, 0.1), 0.9, 0.9]
    assert audit(late).regret == pytest.approx(0.4)
    assert audit({n: np.full(10, 0.5) for n in range(9)}) is None

"""A loop of the user's own as a task: its epochs, its test, and what is refused before a study begins."""

import math

import pytest
import torch

from hyperstudy.study.core.domains import Hyperparameter, Range
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.loops import LOOPS, Loop, LoopConfig
from hyperstudy.study.core.params import from_params
from hyperstudy.study.core.plan import make_loop_plan
from hyperstudy.study.outputs.names import COMPLETE, DIVERGED, PRUNED
from hyperstudy.study.tasks.loop import LoopTask
from hyperstudy.study.workers.worker import Failure, Job, perform

SPACE = {
    "rate": Hyperparameter("step size", 0.1, Range(0.01, 1.0, log=True), (0, 10), searched=True),
    "epochs": Hyperparameter("passes", 4, Range(2, 8), (1, 100)),
}


def descend(config, seed):
    """Gradient descent on x^2 from 1 + seed; returns the last x."""
    x = 1.0 + seed
    for _ in range(config.epochs):
        x -= config.rate * 2 * x
        yield {"error": x**2, "x": x}
    return x


@pytest.fixture
def loop(monkeypatch):
    """Adds a row to `LOOPS`, with other fields where the test gives them."""

    def add(train=descend, **fields):
        row = Loop(train, **{"space": SPACE, "objective": "error", "maximize": False, "unit": "m", **fields})
        monkeypatch.setitem(LOOPS, "descent", row)
        return LoopTask("descent")

    return add


def done(task, prune_after=None, **values):
    """The epochs of one job, and what came of it."""
    steps, epochs = perform(Job(LoopConfig("descent", **values), True), task), []
    try:
        epochs.append(next(steps))
        while True:
            epochs.append(steps.send(epochs[-1].number == prune_after))
    except StopIteration as end:
        return epochs, end.value


def test_every_epoch_has_what_the_loop_yields_and_its_seconds(loop):
    epochs, outcome = done(loop(), rate=0.25, seed=1)
    assert [epoch.metrics["x"] for epoch in epochs] == [1.0, 0.5, 0.25, 0.125]
    assert all(epoch.metrics["time/train_seconds"] >= 0 for epoch in epochs)
    assert (outcome.state, outcome.metrics, set(outcome.files)) == (COMPLETE, {}, {"config.json", "history.csv"})
    assert outcome.files["history.csv"].decode().splitlines()[0] == "epoch,error,x,time/train_seconds"


def test_the_test_is_met_with_what_train_returns_by_trials_of_the_confirmation_alone(loop, tmp_path):
    task = loop(test=lambda x: x + 100)
    assert done(task, rate=0.25, seed=1)[1].metrics == {}
    tested = task.tested(make_loop_plan("descent", {}), tmp_path)
    assert done(tested, rate=0.25, seed=1)[1].metrics == {"test/error": 100.125}


def test_a_pruned_trial_stops_there_and_is_not_tested(loop, tmp_path):
    tested = loop(test=lambda x: x + 100).tested(make_loop_plan("descent", {}), tmp_path)
    epochs, outcome = done(tested, prune_after=2)
    assert (len(epochs), outcome.state, outcome.metrics) == (2, PRUNED, {})


def test_a_trial_whose_objective_is_not_finite_has_diverged_there(loop):
    def diverges(config, seed):
        yield {"error": 1.0}
        yield {"error": math.inf}
        raise AssertionError("it must not go on")

    epochs, outcome = done(loop(diverges))
    assert ([epoch.diverged_at for epoch in epochs], outcome.state) == ([None, 2], DIVERGED)


def test_the_objective_is_the_loop_s_own(loop):
    objective = loop(test=lambda x: x).objective(None)
    assert (objective.label, objective.maximize) == ("validation error (m)", False)
    assert (objective.key, objective.test_key) == ("error", "test/error")
    assert loop().objective("error").test_key == ""
    with pytest.raises(InputError, match="objective of loop 'descent' is what it says itself, 'error'; got 'x'"):
        loop().objective("x")


def test_a_configuration_comes_back_from_its_parameters(loop):
    loop()
    config = LoopConfig("descent", rate=0.5, seed=3)
    assert (config.rate, config.epochs, config.seed) == (0.5, 4, 3)
    params = {name: str(value) for name, value in {**config.subject(), **config.hyperparameters()}.items()}
    assert from_params(params) == config
    with pytest.raises(AttributeError, match="loop 'descent' has no lr"):
        config.lr  # noqa: B018
    with pytest.raises(InputError, match="loop 'descent' has no lr; got lr 1"):
        LoopConfig("descent", lr=1)
    with pytest.raises(InputError, match="rate must be a number from 0 to 10; got 11"):
        LoopConfig("descent", rate=11.0)


def no_epoch(config, seed):
    return
    yield


def no_mapping(config, seed):
    yield 0.5


def no_objective(config, seed):
    yield {"loss": 0.5}


def no_number(config, seed):
    yield {"error": "low"}


def not_finite(config, seed):
    yield {"error": math.nan}


def now_and_then(config, seed):
    yield {"error": 0.5, "extra": 1.0}
    yield {"error": 0.5}


def breaks(config, seed):
    yield {"error": 0.5}
    raise KeyError("weights")


def misspells(config, seed):
    yield {"error": config.rte}


def returns(config, seed):
    return {"error": 0.5}


def reserved(config, seed):
    yield {"error": 0.5, "objective": 1.0}


REFUSED = {
    no_epoch: "train must yield at least one epoch",
    no_mapping: "train must yield a mapping of metrics; epoch 1 is float",
    no_objective: "train must yield its objective 'error'; epoch 1 has loss",
    no_number: "metrics must be numbers; epoch 1 is {'error': 'low'}",
    not_finite: "error must be finite by default; got nan",
    now_and_then: "train must yield the same metrics after every epoch; 'extra' is not always there",
    breaks: "fails with rate=0.1, epochs=2, seed=0: KeyError: 'weights'",
    misspells: "AttributeError: loop 'descent' has no rte",
    returns: "train must yield a mapping of metrics; epoch 1 is str",
    reserved: "a name that means nothing else; got 'objective'",
}


@pytest.mark.parametrize("train", REFUSED, ids=lambda train: train.__name__)
def test_what_cannot_work_is_refused_by_a_rehearsal_of_the_first_epochs(train, loop):
    with pytest.raises(InputError) as refused:
        loop(train).rehearse(make_loop_plan("descent", {}))
    assert "loop 'descent'" in str(refused.value)
    assert REFUSED[train] in str(refused.value)


def test_the_rehearsal_meets_the_test_too_with_few_epochs(loop):
    seen = []
    loop(test=lambda x: seen.append(x) or 1.0).rehearse(make_loop_plan("descent", {"epochs": "50"}))
    assert seen == [pytest.approx(0.8**2)]
    with pytest.raises(InputError, match="test must give one number; got None"):
        loop(test=lambda x: None).rehearse(make_loop_plan("descent", {}))


def test_a_fault_that_a_rehearsal_does_not_meet_fails_its_trial_alone(loop):
    def late(config, seed):
        for number in range(config.epochs):
            yield {"error": 1.0} | ({"extra": 1.0} if number == 3 else {})

    task = loop(late)
    task.rehearse(make_loop_plan("descent", {}))
    epochs, failure = done(task)
    assert len(epochs) == 3
    assert isinstance(failure, Failure)
    assert "'extra' is not always there" in failure.reason


def test_a_loop_without_epochs_is_not_pruned_and_trains_as_long_as_it_yields(loop):
    def train(config, seed):
        for number in range(3):
            yield {"error": config.rate / (number + 1)}

    task = loop(train, space={"rate": SPACE["rate"]})
    task.rehearse(plan := make_loop_plan("descent", {}))
    assert plan.most_epochs is None
    assert task.to(torch.device("cpu")) is task

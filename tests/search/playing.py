"""A study's trials without any training: an objective known beforehand answers for it."""

import math

from hyperstudy.study.core.plan import make_plan
from hyperstudy.study.outputs.names import COMPLETE
from hyperstudy.study.search.trials import Record, Trials


def make_trials(targets=(12,), sampler="tpe", pruner="none", done=(), model="mlp", **given):
    return Trials(make_plan("digits", model, given), sampler, pruner, targets, done)


def objective(config):
    """Best at a learning rate of 10 ** -2.5."""
    return -abs(math.log10(config.lr) + 2.5)


def play(trials, workers=1):
    """Train until nothing is left, with a trial per worker under way; the slots in order."""
    slots, running = [], []
    while (slot := trials.next()) is not None or running:
        if slot is not None:
            slots.append(slot)
            running.append(slot)
            trials.report(slot, 1, objective(slot.config))
        if slot is None or len(running) == workers:
            first = running.pop(0)
            trials.end(first, COMPLETE, objective(first.config))
    return slots


def record(slot, curve, state=COMPLETE, searched=("lr", "batch_size", "depth", "activation")):
    """What the tracked run of a finished slot says."""
    params = {name: getattr(slot.config, name) for name in searched}
    return Record(slot.number, params, curve, state, curve[-1])

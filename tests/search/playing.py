"""A study's trials without any training: an objective known beforehand answers for it."""

import math

from hyperstudy.study.core.plan import make_plan
from hyperstudy.study.outputs.names import COMPLETE, PRUNED
from hyperstudy.study.search.trials import Record, Trials


def make_trials(targets=(12,), sampler="tpe", pruner="none", done=(), model="mlp", **given):
    return Trials(make_plan("digits", model, given), sampler, pruner, targets, done)


def objective(config):
    """Best at a learning rate of 10 ** -2.5."""
    return -abs(math.log10(config.lr) + 2.5)


def play(trials, workers=1, curve=lambda config: [objective(config)], order=None):
    """Train until nothing is left, with a trial per worker under way; the slots in order.

    A trial's objective after each epoch is the `curve` of its configuration. `order` is a random generator that says
    which trial ends its next epoch; without it the oldest one does.
    """
    slots, running = [], []
    while True:
        while len(running) < workers and (slot := trials.next(workers)) is not None:
            slots.append(slot)
            running.append((slot, iter(enumerate(curve(slot.config), start=1))))
        if not running:
            return slots
        slot, epochs = order.choice(running) if order else running[0]
        epoch, value = next(epochs)
        pruned = trials.report(slot, epoch, value)
        if pruned or epoch == len(curve(slot.config)):
            trials.end(slot, PRUNED if pruned else COMPLETE, value)
            running = [one for one in running if one[0] is not slot]


def record(slot, curve, state=COMPLETE, searched=("lr", "batch_size", "depth", "activation")):
    """What the tracked run of a finished slot says."""
    params = {name: getattr(slot.config, name) for name in searched}
    return Record(slot.number, params, curve, state, curve[-1])

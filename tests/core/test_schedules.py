"""Learning-rate schedules against torch's, and warm-up."""

from itertools import pairwise

import pytest
import torch
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR, OneCycleLR, SequentialLR

from hyperstudy.study.core.schedules import SCHEDULES, lr_factor

STEPS = 1000


def factors_of(scheduler, **options):
    """Torch's factors of lr over all steps."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs, found = scheduler(optimizer, **options), []
    for _ in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    return found


def ours(schedule, warmup=0.0):
    return [lr_factor(schedule, warmup, step / STEPS) for step in range(STEPS)]


@pytest.mark.parametrize(
    ("schedule", "scheduler", "options", "tolerance"),
    [
        ("constant", ConstantLR, {"factor": 1.0}, 0),
        ("cosine", CosineAnnealingLR, {"T_max": STEPS}, 1e-9),
        ("linear", LinearLR, {"start_factor": 1.0, "end_factor": 0.0, "total_iters": STEPS}, 1e-9),
        ("one-cycle", OneCycleLR, {"max_lr": 1.0, "total_steps": STEPS}, 0.006),  # its top is a step earlier
    ],
)
def test_a_schedule_is_torch_s_at_every_step(schedule, scheduler, options, tolerance):
    assert ours(schedule) == pytest.approx(factors_of(scheduler, **options), abs=tolerance)


@pytest.mark.parametrize(
    ("schedule", "start", "middle", "end"),
    [("constant", 1, 1, 1), ("cosine", 1, 0.5, 0), ("linear", 1, 0.5, 0), ("one-cycle", 1 / 25, 0.8117449, 0)],
)
def test_a_schedule_begins_passes_its_middle_and_ends_where_its_formula_says(schedule, start, middle, end):
    """At half of the training, one-cycle has fallen for 2/7 of its fall: (1 + cos(2 pi / 7)) / 2."""
    found = [SCHEDULES[schedule](share) for share in (0.0, 0.5, 1 - 1e-9)]
    assert found == pytest.approx([start, middle, end], abs=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warmup", [0.0, 0.2])
def test_the_peak_is_lr_and_nothing_jumps_or_is_negative(schedule, warmup):
    found = ours(schedule, warmup)
    assert max(found) == pytest.approx(1, abs=1e-4)
    assert min(found) >= 0
    assert max(abs(after - before) for before, after in pairwise(found)) < 0.01


def test_warm_up_rises_evenly_from_0_and_the_schedule_has_the_rest():
    found = ours("cosine", 0.25)
    assert found[:250] == pytest.approx([step / 250 for step in range(250)])
    both = factors_of(
        lambda optimizer: SequentialLR(
            optimizer,
            [LinearLR(optimizer, 1e-9, 1.0, total_iters=250), CosineAnnealingLR(optimizer, 750)],
            milestones=[250],
        )
    )
    assert found == pytest.approx(both, abs=1e-6)


def test_one_cycle_after_a_warm_up_begins_where_the_warm_up_ends():
    found = ours("one-cycle", 0.2)
    assert found[200] == pytest.approx(1 / 25)
    assert found[:200] == pytest.approx([step / 200 / 25 for step in range(200)])

"""Which pool is made, and how large it is."""

import pytest
import torch

from hyperstudy.study.outputs.environment import cores
from hyperstudy.study.workers.pool import make_pool


class Sized:
    """A pool that starts no process."""

    def __init__(self, size, device, own=None):
        self.size, self.device = size, device


@pytest.mark.parametrize(
    ("device", "workers", "jobs", "size"),
    [
        ("cpu", None, 1000, cores()),
        ("mps", None, 1000, 1),
        ("cuda", None, 1000, 1),
        ("mps", 3, 1000, 3),
        ("cpu", 3, 2, 2),
        ("cpu", None, 0, 1),
    ],
)
def test_there_is_a_worker_per_core_or_one_on_an_accelerator_and_none_without_a_job(
    device, workers, jobs, size, monkeypatch
):
    monkeypatch.setattr("hyperstudy.study.workers.pool.LocalPool", Sized)
    made = make_pool(torch.device(device), workers, jobs)
    assert (made.size, made.device.type) == (size, device)

"""What a pool on a cluster does that processes on one machine cannot: grow, shrink, and refuse."""

import http.server
import threading
import time

import pytest
import torch

from hyperstudy.study.core.config import Config
from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.own import OwnFile, load_own, read_own
from hyperstudy.study.tasks.pictures import PicturesTask
from hyperstudy.study.workers.actor import difference
from hyperstudy.study.workers.pool import make_pool
from hyperstudy.study.workers.worker import Cluster, Death, Job, Outcome
from tests.clusters import add_node
from tests.conftest import wait_for

CPU = torch.device("cpu")
FOREVER = 1000  # epochs


def pool_on(address, workers=None, own=None, **share):
    return make_pool(CPU, workers, 100, own, Cluster(address, **share))


def until_ready(pool, seconds=60):
    """Listen until a worker is ready."""
    end = time.monotonic() + seconds
    while not pool.idle():
        list(pool.messages(1))
        assert time.monotonic() < end


def next_messages(pool):
    while not (received := list(pool.messages(5))):
        pass
    return received


def test_a_cluster_that_is_not_there_is_one_line_and_soon():
    started = time.monotonic()
    with pytest.raises(InputError, match=r"cluster '127.0.0.1:9' cannot be reached: .*refused"):
        pool_on("127.0.0.1:9")
    assert time.monotonic() - started < 10


def test_what_is_no_head_of_a_cluster_is_one_line_and_soon():
    class Web(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(InputError, match="what listens there is no head of a Ray cluster"):
            pool_on(f"127.0.0.1:{server.server_port}")
        server.shutdown()


def test_no_cluster_on_this_machine_is_one_line(monkeypatch):
    """Where tests run there is one, so its search is replaced."""
    import ray

    def nothing(**_):
        raise ConnectionError("Could not find any running Ray instance.\nStart one.")

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "init", nothing)
    with pytest.raises(InputError, match="cluster 'auto' cannot be reached: Could not find any running Ray instance"):
        pool_on("auto")


@pytest.mark.parametrize(
    ("share", "words"), [({"cpus": 3}, "3 CPU;"), ({"gpus": 0.5}, r"1 CPU and 0.5 GPU; .* 1 CPUs, and 0 GPUs")]
)
def test_a_trial_for_which_no_machine_has_room_is_refused(cluster, share, words):
    with pytest.raises(InputError, match=f"no machine of the cluster has room for a trial, which takes {words}"):
        pool_on(cluster.address, **share)


@pytest.mark.parametrize(
    ("share", "workers", "size"), [({}, None, 2), ({}, 1, 1), ({}, 9, 2), ({"cpus": 0.5}, None, 4)]
)
def test_there_are_as_many_workers_as_trials_have_room(cluster, share, workers, size):
    with pool_on(cluster.address, workers, **share) as pool:
        assert len(pool) == size


def test_data_too_large_for_an_object_store_are_refused(cluster, digits):
    images = torch.zeros(2_000_000, 1, 8, 8, dtype=torch.uint8)
    with pool_on(cluster.address) as pool, pytest.raises(InputError, match=r"more than the 0\.1 GB of the smallest"):
        pool.load(PicturesTask("data", digits._replace(train=digits.train._replace(images=images))))


def test_other_libraries_are_refused_with_the_difference(cluster, digits, monkeypatch):
    theirs = {"Python": "3.11", "torch": "1.0"}
    monkeypatch.setattr("hyperstudy.study.workers.cluster.shared_libraries", lambda: theirs)
    with pool_on(cluster.address) as pool:
        pool.load(PicturesTask("data", digits))
        with pytest.raises(InputError, match=r"cannot train: .*torch \d.* \(the driver has 1.0\)"):
            until_ready(pool)


def test_a_machine_that_joins_with_other_libraries_is_left_alone(cluster, digits):
    with pool_on(cluster.address) as pool:
        pool.load(PicturesTask("data", digits))
        wait_for(lambda: not list(pool.messages(0.5)) and len(pool.idle()) == 2, 60)
        *same, _ = pool._arguments
        pool._arguments = (*same, {"Python": "3.11", "torch": "1.0"})
        node = add_node(cluster)
        try:
            wait_for(
                lambda: (
                    pool.idle() == [0, 1]
                    and not list(pool.messages(0.5))
                    and any(seat.refused for seat in pool._seats.values())
                ),
                60,
            )
            assert pool.idle() == [0, 1]
        finally:
            cluster.remove_node(node)


def test_a_difference_names_what_differs_alone():
    assert difference({"Python": "3.11", "torch": "2.10.0"}, {"Python": "3.11", "torch": "2.10.0"}) == ""
    found = difference({"Python": "3.11", "torch": "2.10.0"}, {"Python": "3.12", "torch": "2.10.0"})
    assert found == "Python 3.12 (the driver has 3.11)"


def test_a_file_that_fails_on_a_machine_is_refused_with_its_line(cluster, digits, tmp_path):
    own = OwnFile(tmp_path / "elsewhere.py", b"import nowhere_to_be_found\n")
    with pool_on(cluster.address, own=own) as pool:
        pool.load(PicturesTask("data", digits))
        with pytest.raises(InputError, match=r"elsewhere.py cannot be used: ModuleNotFoundError: .* \(line 1: "):
            until_ready(pool)


def test_what_a_file_imports_from_its_folder_travels_with_it(cluster, tmp_path):
    import ray

    (tmp_path / "lies_beside.py").write_text("ANSWER = 42\n")
    (tmp_path / "package_beside").mkdir()
    (tmp_path / "package_beside" / "__init__.py").write_text("from .inner import ANSWER\n")
    (tmp_path / "package_beside" / "inner.py").write_text("ANSWER = 43\n")
    (tmp_path / "mine.py").write_text("import lies_beside, package_beside, torch\n")
    own = read_own(tmp_path / "mine.py")
    load_own(own)
    assert {module.__name__ for module in own.modules()} == {"lies_beside", "package_beside"}
    with pool_on(cluster.address, own=own):
        there = ray.remote(num_cpus=0)(lambda: [__import__(name).ANSWER for name in ("lies_beside", "package_beside")])
        assert ray.get(there.remote()) == [42, 43]


def test_without_ray_it_is_named(monkeypatch):
    monkeypatch.setattr("hyperstudy.study.workers.pool.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"--cluster needs Ray: pip install 'hyperstudy\[cluster\]'"):
        pool_on("auto")


def test_the_pool_grows_with_the_cluster_and_a_machine_that_leaves_costs_its_trial(cluster, digits):
    with pool_on(cluster.address) as pool:
        pool.load(PicturesTask("data", digits))
        node = add_node(cluster)
        try:
            wait_for(lambda: not list(pool.messages(0.5)) and len(pool.idle()) == 3, 60)
            for worker in pool.idle():
                pool.start(worker, Job(Config(epochs=FOREVER)))
            heard = set()
            while heard != {0, 1, 2}:
                heard |= {worker for worker, message in next_messages(pool) if isinstance(message, Epoch)}
        finally:
            cluster.remove_node(node)
        deaths = []
        while not deaths:
            deaths = [message for _, message in next_messages(pool) if isinstance(message, Death)]
        (death,) = deaths
        assert death.reason.endswith("left the cluster")
        assert pool.idle() == []
        assert len(pool) == 2
        assert len(next_messages(pool)) > 0


def test_a_worker_that_lost_its_machine_while_idle_is_replaced(cluster, digits):
    node = add_node(cluster)
    try:
        pool = pool_on(cluster.address)
        pool.load(PicturesTask("data", digits))
        wait_for(lambda: not list(pool.messages(0.5)) and len(pool.idle()) == 3, 60)
    finally:
        cluster.remove_node(node)
    with pool:
        wait_for(lambda: len(pool.idle()) == 2, 30)
        for worker in pool.idle():
            pool.start(worker, Job(Config(model="mlp", epochs=1)))
        ended = []
        while len(ended) < 2:
            ended += [message for _, message in next_messages(pool) if not isinstance(message, Epoch)]
        assert all(isinstance(message, Outcome) for message in ended)

"""One driver a study, on each kind of store, however the driver ends."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR

from hyperstudy.study.core.errors import InputError
from hyperstudy.study.tracking import lock
from hyperstudy.study.tracking.lock import DRIVER, LEASE, sole_driver
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import environment, wait_for
from tests.servers import Postgres, Server
from tests.tracking.runs import make_tracker

HOLD = """
import sys, time
from hyperstudy.study.tracking import lock
from hyperstudy.study.tracking.tracker import Tracker
tracker = Tracker(sys.argv[1], sys.argv[2])
tracker.create()
lock.RENEW_SECONDS = 0.2
with lock.sole_driver(tracker):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def holder(uri, name="a study"):
    """Another process that drives the study."""
    words = [sys.executable, "-c", HOLD, uri, name]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def kill(process):
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def a_second_driver_is_refused(tracker, process):
    host = socket.gethostname()
    message = f"study '{tracker.experiment}' is driven by process {process.pid} on {host} since 20"
    with pytest.raises(InputError) as refused, sole_driver(tracker):
        pass
    assert str(refused.value).startswith(message)
    assert str(refused.value).endswith(": when that one has ended, the same command goes on")


def is_free(tracker):
    """Whether this process can drive the study, and drive it again."""
    for _ in range(2):
        with sole_driver(tracker) as check:
            assert tracker.tags()[DRIVER].startswith(f"process {os.getpid()} on ")
            check()
        assert tracker.tags()[DRIVER] == ""
    return True


def test_beside_a_file_a_second_driver_is_refused_until_the_first_is_killed(tmp_path):
    tracker, other = make_tracker(tmp_path), make_tracker(tmp_path, "another study")
    with holder(tracker.uri) as process:
        a_second_driver_is_refused(tracker, process)
        assert is_free(other)
        kill(process)
        assert is_free(tracker)


def test_two_drivers_in_one_process_are_two(tmp_path):
    tracker = make_tracker(tmp_path)
    with sole_driver(tracker), pytest.raises(InputError, match="is driven by"), sole_driver(tracker):
        pass
    assert is_free(tracker)


def test_a_driver_that_raises_frees_its_study(tmp_path):
    tracker = make_tracker(tmp_path)
    with pytest.raises(ZeroDivisionError), sole_driver(tracker):
        1 / 0  # noqa: B018
    assert is_free(tracker)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The URL of an MLflow server."""
    with Server(tmp_path_factory.mktemp("server")) as server:
        yield server.url


@pytest.fixture
def leased(server, request, monkeypatch):
    """A tracker on the server, with a study of its own, and a lease that lapses soon."""
    monkeypatch.setattr(lock, "RENEW_SECONDS", 0.2)
    monkeypatch.setattr(lock, "SETTLE_SECONDS", 0.3)
    monkeypatch.setattr(lock, "LAPSE_SECONDS", 1.5)
    tracker = Tracker(server, request.node.name)
    tracker.create()
    return tracker


def refused_after(tracker):
    """Seconds after which a second driver is refused."""
    started = time.monotonic()
    with pytest.raises(InputError, match=f"study '{tracker.experiment}' is driven by process"), sole_driver(tracker):
        pass
    return time.monotonic() - started


def test_on_a_server_a_lease_that_is_renewed_is_refused_and_a_released_one_is_taken_at_once(leased):
    other = Tracker(leased.uri, leased.experiment)
    with sole_driver(leased):
        refused_after(other)
    started = time.monotonic()
    with sole_driver(other):
        assert time.monotonic() - started < 1.5, "it did not wait for the lease to lapse"
    assert (other.tags()[LEASE], other.tags()[DRIVER]) == ("", "")


def test_on_a_server_the_lease_of_a_dead_driver_is_taken_when_it_has_lapsed(leased):
    leased.tag(LEASE, "somebody 17")
    leased.tag(DRIVER, "process 1 on a machine that lost its power")
    started = time.monotonic()
    with sole_driver(leased) as check:
        assert time.monotonic() - started >= 1.5
        check()


def test_on_a_server_a_driver_in_another_process_is_refused_and_its_death_frees_the_study(leased):
    with holder(leased.uri, leased.experiment) as process:
        assert refused_after(leased) < lock.LAPSE_SECONDS
        a_second_driver_is_refused(leased, process)
        kill(process)
        assert is_free(leased)


def test_on_a_server_studies_are_driven_side_by_side(leased):
    other = Tracker(leased.uri, leased.experiment + " too")
    other.create()
    with ExitStack() as both:
        for tracker in (leased, other):
            both.enter_context(sole_driver(tracker))


def test_a_driver_whose_lease_was_taken_finds_out_and_leaves_it_alone(leased):
    """As after a machine's sleep that was longer than the lease."""
    with sole_driver(leased) as check:
        check()
        leased.tag(LEASE, "somebody 0")

        def lost():
            try:
                check()
            except InputError as error:
                return "is driven by" in str(error)

        wait_for(lost, 10)
    assert leased.tags()[LEASE] == "somebody 0"


def test_a_lease_that_cannot_be_renewed_once_neither_ends_the_driver_nor_is_lost(leased, monkeypatch):
    """As where the server answers one request with an error."""
    ask, failed = MlflowClient.get_experiment, []

    def fails_once(client, *words):
        if threading.current_thread() is not threading.main_thread() and not failed:
            failed.append(True)
            raise MlflowException("no connection to the database", INTERNAL_ERROR)
        return ask(client, *words)

    monkeypatch.setattr(MlflowClient, "get_experiment", fails_once)
    with sole_driver(leased) as check:
        wait_for(lambda: failed, 10)
        before = leased.tags()[LEASE]
        wait_for(lambda: leased.tags()[LEASE] != before, 10)
        check()


def test_of_two_drivers_that_take_a_free_lease_at_once_one_has_it(leased, monkeypatch):
    """Both see that it is free; the one that wrote last has it."""
    sleep, overtaken = time.sleep, []

    def overtake(seconds):
        if not overtaken:
            overtaken.append(True)
            leased.tag(LEASE, "somebody 0")
        sleep(seconds)

    monkeypatch.setattr("hyperstudy.study.tracking.lock.time.sleep", overtake)
    with pytest.raises(InputError, match="is driven by"), sole_driver(leased):
        pass
    assert leased.tags()[LEASE] == "somebody 0"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """The URL of a private PostgreSQL cluster."""
    with Postgres(tmp_path_factory.mktemp("postgres")) as postgres:
        yield postgres.url


def test_on_postgresql_a_second_driver_is_refused_until_the_first_is_killed(postgres):
    tracker, other = Tracker(postgres, "a study"), Tracker(postgres, "another study")
    tracker.create()
    other.create()
    assert is_free(tracker)
    with holder(postgres) as process:
        a_second_driver_is_refused(tracker, process)
        assert is_free(other)
        kill(process)
        wait_for(lambda: _taken(tracker), 20)
    assert is_free(tracker)


def test_a_driver_keeps_its_study_when_postgresql_restarts(tmp_path_factory):
    with Postgres(tmp_path_factory.mktemp("postgres")) as server:
        tracker = Tracker(server.url, "a study")
        tracker.create()
        with sole_driver(tracker) as check:
            server.restart()
            check()
            with pytest.raises(InputError, match="is driven by process"), sole_driver(Tracker(server.url, "a study")):
                pass
        assert is_free(tracker)


def _taken(tracker):
    """Whether the study can be driven; the server notices a dead connection within moments."""
    try:
        with sole_driver(tracker):
            return True
    except InputError:
        return False

"""One driver a study: a lock that is free again however its holder ends.

Beside a database file it is a lock of the operating system; on PostgreSQL an advisory lock, held by a connection; on
any other store a lease, an experiment tag that its holder renews.
"""

import os
import socket
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime

from filelock import FileLock, Timeout
from mlflow import MlflowClient
from sqlalchemy import create_engine, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from hyperstudy.study.core.errors import InputError, StoreError
from hyperstudy.study.tracking.client import patiently
from hyperstudy.study.tracking.store import flush, is_server, lock_file
from hyperstudy.study.tracking.tracker import Tracker

DRIVER, LEASE = "study.driver", "study.lease"  # experiment tags: who drives, and the lease's last renewal
ADVISORY = 5_061_947  # the first of two numbers that name our locks among a PostgreSQL server's
RENEW_SECONDS, LAPSE_SECONDS = 5, 30  # a lease that is not renewed for so long is free
SETTLE_SECONDS = 1  # after which the last of two that took a lease at once sees that it has it


@contextmanager
def sole_driver(tracker: Tracker) -> Iterator[Callable[[], None]]:
    """Drive the study alone while this lasts; raises `InputError` if another process does.

    Yields a check, which raises `InputError` once the lock was lost.
    """
    with _lock(tracker) as check:
        now = datetime.now().astimezone().isoformat(" ", "seconds")
        tracker.tag(DRIVER, f"process {os.getpid()} on {socket.gethostname()} since {now}")
        try:
            yield check
        finally:
            with suppress(StoreError, OSError):  # the lock is free without it
                tracker.tag(DRIVER, "")
            flush(tracker.uri)


def _lock(tracker: Tracker) -> AbstractContextManager[Callable[[], None]]:
    if (file := lock_file(tracker.uri, f"study-{tracker.experiment}")) is not None:
        return _file_lock(tracker, FileLock(file))
    if not is_server(tracker.uri) and make_url(tracker.uri).get_backend_name() == "postgresql":
        return _advisory_lock(tracker)
    return _lease(tracker)


def _refused(tracker: Tracker) -> InputError:
    driver = tracker.tags().get(DRIVER) or "another process, which has just begun"
    return InputError(
        f"study {tracker.experiment!r} is driven by {driver}: when that one has ended, the same command goes on"
    )


def _always() -> None:
    """The check of a lock that cannot be lost while its holder lives."""


@contextmanager
def _file_lock(tracker: Tracker, lock: FileLock) -> Iterator[Callable[[], None]]:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise _refused(tracker) from None
    try:
        yield _always
    finally:
        lock.release()


@contextmanager
def _advisory_lock(tracker: Tracker) -> Iterator[Callable[[], None]]:
    """The check takes the lock again, since a restart of the database frees it."""
    number = zlib.crc32(tracker.experiment.encode()) - 2**31  # PostgreSQL's integers are signed
    engine = create_engine(tracker.uri, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:  # closing it, or its loss, frees the lock

            def take() -> bool:
                try:
                    return bool(connection.scalar(select(func.pg_try_advisory_lock(ADVISORY, number))))
                except SQLAlchemyError:
                    connection.rollback()  # after which it connects again
                    raise

            def check() -> None:
                if not patiently(tracker.uri, take):
                    raise _refused(tracker)

            check()
            yield check
    finally:
        engine.dispose()


@contextmanager
def _lease(tracker: Tracker) -> Iterator[Callable[[], None]]:
    """A lease is judged by watching whether it changes, so that machines' clocks need not agree."""
    mine = uuid.uuid4().hex
    _wait_until_free(tracker)
    tracker.tag(LEASE, f"{mine} 0")
    time.sleep(SETTLE_SECONDS)
    stop, lost = threading.Event(), threading.Event()
    client = MlflowClient(tracker.uri)  # its own: where renewing fails once, the driver's work does not

    def held() -> bool:
        return client.get_experiment(tracker.experiment_id).tags.get(LEASE, "").startswith(mine)

    def renew() -> None:
        count = 0
        while not stop.wait(RENEW_SECONDS):
            try:
                if not held():
                    lost.set()
                    return
                count += 1
                client.set_experiment_tag(tracker.experiment_id, LEASE, f"{mine} {count}")
            except Exception:  # the server may be away for a moment
                continue

    def check() -> None:
        if lost.is_set():
            raise _refused(tracker)

    if not patiently(tracker.uri, held):
        raise _refused(tracker)
    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield check
    finally:
        stop.set()
        thread.join(RENEW_SECONDS)  # where the server is away, its last request may take minutes
        if not lost.is_set():
            with suppress(StoreError, OSError):  # it lapses
                tracker.tag(LEASE, "")


def _wait_until_free(tracker: Tracker) -> None:
    """Return at once if nobody holds the lease, or when it has lapsed; raise `InputError` as soon as it is renewed."""
    first = tracker.tags().get(LEASE, "")
    until = time.monotonic() + LAPSE_SECONDS
    while first and time.monotonic() < until:
        time.sleep(SETTLE_SECONDS)
        if (now := tracker.tags().get(LEASE, "")) != first:
            if now:
                raise _refused(tracker)
            return

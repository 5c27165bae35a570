"""Where workers come from: a fork server, which imports what they need once, while the driver imports the rest."""

import gc
import logging
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from typing import Any, NoReturn

FORKS = sys.platform == "linux"  # elsewhere a process that has imported torch is not to be forked


def start_server() -> None:
    """Let the server begin with its imports; where there is none, workers will import for themselves."""
    if FORKS and threading.current_thread() is threading.main_thread():
        from multiprocessing import forkserver

        multiprocessing.get_context("forkserver").set_forkserver_preload(["study.workers.preloaded"])
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: Ctrl-C during its imports is the driver's
        try:
            forkserver.ensure_running()
        finally:
            signal.signal(signal.SIGINT, before)


def context(device_type: str) -> BaseContext:
    """How to start a worker for that type of device; an accelerator must meet a process that has not been forked."""
    return multiprocessing.get_context("forkserver" if FORKS and device_type == "cpu" else "spawn")


class _Stop:
    """Whether this process was asked to stop, and whether that is held off at the moment."""

    asked = held = False


@contextmanager
def stoppable() -> Iterator[None]:
    """A termination request is raised as `KeyboardInterrupt`, as Ctrl-C is, and neither is lost while this lasts."""

    def stop(*signal_and_frame: object) -> None:
        _Stop.asked = True
        if not _Stop.held:
            raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # a command in the background of a shell is not to hear its Ctrl-C
            signal.signal(number, stop)
    try:
        yield
    finally:
        _Stop.asked = False
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def held() -> Iterator[None]:
    """What happens here is not cut in two: a request to stop is heeded after it."""
    _Stop.held = True
    try:
        yield
    finally:
        _Stop.held = False
    heed()


def heed() -> None:
    """Raise `KeyboardInterrupt` if this process was asked to stop; one raised in a destructor goes nowhere."""
    if _Stop.asked:
        raise KeyboardInterrupt


def freeze_imports() -> None:
    """What is imported stays: neither the collector nor the end of this process walks over it.

    Forked, its pages are not copied for the collector's marks. Triton's binding takes what is frozen for leaked.
    """
    if sys.modules.get("triton") is None:
        gc.freeze()


def forgo_triton() -> None:
    """Let torch's compiler, which the export of a model brings in, do without Triton, which such a process never needs:
    all can be frozen then, and the process ends in 0.2 s instead of 1.2."""
    sys.modules.setdefault("triton", None)
    logging.getLogger("torch.utils.flop_counter").setLevel(logging.ERROR)  # it would say so


def beside(function: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """Call a function in a process of its own, which ends with this one; the future raises what it raises."""
    future: Future[Any] = Future()
    threading.Thread(target=_await, args=(future, function, arguments), daemon=True).start()  # the server may be busy
    return future


def die_with_parent() -> None:
    """Have this process told to terminate when the one that asked for it ends, however that ends."""

    def watch() -> None:
        wait([multiprocessing.parent_process().sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _await(future: Future[Any], function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    ours, theirs = multiprocessing.Pipe()
    process = context("cpu").Process(target=_answer, args=(theirs, function, arguments), daemon=True)
    try:
        process.start()
        theirs.close()
        error, value = ours.recv()
    except EOFError:
        process.join()
        error, value = RuntimeError(f"{function.__name__} ended with {process.exitcode}"), None
    except Exception as raised:
        error, value = raised, None
    ours.close()
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)


def _answer(connection: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the driver decides
    signal.signal(signal.SIGTERM, _leave)
    die_with_parent()
    try:
        result = None, function(*arguments)
    except Exception as error:
        error.add_note(traceback.format_exc())
        result = error, None
    with suppress(EOFError, OSError):
        connection.send(result)
        connection.recv()  # until the other side has it: shared tensors are handed over by a process that lives


def _leave(*signal_and_frame: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)  # by way of what the function has to tidy up

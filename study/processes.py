"""Where workers come from: a fork server, which imports what they need once, while the driver imports the rest."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.context import BaseContext
from signal import SIG_IGN, SIGINT, signal
from typing import Any

FORKS = "forkserver" in multiprocessing.get_all_start_methods()
NEEDED = ["study.workers", "torch._dynamo"]  # the second by any optimizer of torch, at its first step


def start_server() -> None:
    """Let the server begin with its imports; where there is none, workers will import for themselves."""
    if FORKS:
        from multiprocessing import forkserver

        multiprocessing.get_context("forkserver").set_forkserver_preload(NEEDED)
        forkserver.ensure_running()


def context(device_type: str) -> BaseContext:
    """How to start a worker for that type of device; CUDA must meet a process that has not been forked."""
    return multiprocessing.get_context("forkserver" if FORKS and device_type != "cuda" else "spawn")


def beside(function: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """Call a function in a process of its own, which ends with it; what it raises, the future raises."""

    def call() -> Any:
        with ProcessPoolExecutor(1, context("cpu"), signal, (SIGINT, SIG_IGN)) as helper:
            return helper.submit(function, *arguments).result()

    thread = ThreadPoolExecutor(1)  # it waits until the server has done its imports
    future = thread.submit(call)
    thread.shutdown(wait=False)
    return future

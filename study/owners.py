"""Which process runs a trial, and whether it still lives."""

import os
import socket

import psutil


def this_process() -> str:
    """A name of this process that no other ever has: host, number and start."""
    return f"{socket.gethostname()}/{os.getpid()}/{psutil.Process().create_time():.2f}"


def is_here(owner: str) -> bool:
    """Whether a process is one of this machine, where it may sleep for hours and yet live."""
    return owner.rpartition("/")[0].rpartition("/")[0] == socket.gethostname()


def is_dead(owner: str) -> bool:
    """Whether a process of this machine has ended; of other machines only their heartbeat tells."""
    if not is_here(owner):
        return False
    _, pid, created = owner.rsplit("/", 2)
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != created
    except psutil.NoSuchProcess:
        return True

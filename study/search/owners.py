"""Which process runs a trial, and whether it still lives."""

import os
import socket
from pathlib import Path

import psutil

BOOT = Path("/proc/sys/kernel/random/boot_id")


def this_process() -> str:
    """A name of this process that no other ever has: host, number and start."""
    return f"{socket.gethostname()}/{os.getpid()}/{_start(os.getpid())}"


def is_here(owner: str) -> bool:
    """Whether a process is one of this machine, where it may sleep for hours and yet live."""
    return owner.rpartition("/")[0].rpartition("/")[0] == socket.gethostname()


def is_dead(owner: str) -> bool:
    """Whether a process of this machine has ended; of other machines only their heartbeat tells."""
    if not is_here(owner):
        return False
    _, pid, start = owner.rsplit("/", 2)
    try:
        return _start(int(pid)) != start
    except (psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError):
        return True


def _start(pid: int) -> str:
    """When a process started: since which boot, and how long after it, since a clock may be set anew."""
    if not BOOT.exists():
        return f"{psutil.Process(pid).create_time():.2f}"
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]  # proc(5), field 22
    return f"{BOOT.read_text()[:8]}-{ticks}"

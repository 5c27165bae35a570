"""How this process becomes the driver of a Ray cluster, and this project's code its workers' code."""

import logging
import os
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import ray

from hyperstudy.study.core.errors import InputError

ROOT = Path(__file__).parents[2]  # of this project's code
PARTS = ("models", "study", "reports")
UNNEEDED = shutil.ignore_patterns("__pycache__", "examples")
REACH_SECONDS = 5
HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000 04 00 00000000")  # as RFC 9113, 3.4, begins
SETTINGS = b"\x04"  # the type of the frame with which a server answers


def connect(address: str, modules: Sequence[ModuleType] = ()) -> bool:
    """Connect this process to the cluster, with this project's code and the given modules for its workers; False if it
    is connected already. Raises `InputError`."""
    if ray.is_initialized():
        return False
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", address)
    try:
        if address != "auto":
            _check_head(address)
        with TemporaryDirectory() as folder:
            others = [module for module in modules if module.__name__ not in ("hyperstudy", *PARTS)]
            code = {"py_modules": [str(_copy_code(Path(folder))), *others]}
            ray.init(address=address, runtime_env=code, log_to_driver=False, logging_level=logging.ERROR)
    except (Exception, SystemExit) as error:
        raise InputError(f"cluster {address!r} cannot be reached: {error}") from None
    return True


def _check_head(address: str) -> None:
    """Raise `OSError` unless a head may listen there; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), REACH_SECONDS) as connection:
        if os.environ.get("RAY_USE_TLS", "0") != "0":
            return
        connection.sendall(HTTP2)
        if connection.recv(4)[3:] != SETTINGS:
            raise ConnectionError("what listens there is no head of a Ray cluster")


def _copy_code(folder: Path) -> Path:
    """This project as one package in a folder, where its parts lie within it."""
    package = folder / "hyperstudy"
    shutil.copytree(ROOT / "hyperstudy", package, ignore=UNNEEDED)
    for part in PARTS:
        shutil.copytree(ROOT / part, package / part, ignore=UNNEEDED)
    return package

"""MLflow's server beside a store, which ends with the process that started it, however that one ends."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from hyperstudy.study.core.errors import InputError

ENDING_SECONDS = 5  # for open connections, before the server is killed
LOOK_SECONDS = 0.2


@contextmanager
def serving(uri: str, host: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Serve MLflow's UI on the store at `uri` as long as this lasts; it answers when the block begins.

    Yields the process that ends with the server. Raises `InputError` for an address that is taken or none of this
    machine, and for a server that does not start.
    """
    _check_free(host, port)
    environment = {
        **os.environ,
        "MLFLOW_BACKEND_STORE_URI": uri,  # not on the command line, which other users can read
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # it starts in 8 s instead of 14
    }
    ui = [sys.executable, "-m", "mlflow", "ui", "--workers", "1", "--host", host, "--port", str(port)]
    guard = [sys.executable, "-m", __name__, *ui]
    # Its log goes to standard error.
    with subprocess.Popen(
        guard, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment, start_new_session=True
    ) as server:
        try:
            while not _answers(host, port):
                if server.poll() is not None:
                    raise InputError(f"the server ended with exit code {server.returncode} before it answered")
                time.sleep(LOOK_SECONDS)
            yield server
        finally:
            assert server.stdin is not None
            server.stdin.close()  # the guard ends the server then
            server.wait()


def _check_free(host: str, port: int) -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            probe.bind(address)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"address {host}:{port} cannot be served ({reason}): give another --port or --host") from None


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


def guard(command: Sequence[str]) -> int:
    """Run a command until it ends, or standard input does: a pipe of the process that started this one."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    while server.poll() is None and not select.select([sys.stdin], [], [], LOOK_SECONDS)[0]:
        pass
    code, until = server.returncode, time.monotonic() + ENDING_SECONDS
    with suppress(ProcessLookupError):  # none of its processes is left
        os.killpg(server.pid, signal.SIGTERM)
        while time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
            server.poll()
            os.killpg(server.pid, 0)
        os.killpg(server.pid, signal.SIGKILL)
    return code or 0


if __name__ == "__main__":
    sys.exit(guard(sys.argv[1:]))

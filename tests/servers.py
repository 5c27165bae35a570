"""A real MLflow server, which a test may kill and start again."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.conftest import environment, wait_for

QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


class Server:
    """An MLflow server in a folder, over a SQLite file there unless another store is named; always on one port."""

    def __init__(self, folder: Path, store: str = "") -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        self.url, self._folder = f"http://127.0.0.1:{port}", folder
        places = ["--backend-store-uri", store or f"sqlite:///{folder}/mlflow.db"]
        places += ["--artifacts-destination", str(folder / "files")]
        self._words = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", port, *places]

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.end(signal.SIGINT)

    def start(self) -> None:
        """Return when it answers."""
        with (self._folder / "log.txt").open("a") as log:
            streams = {"stdout": log, "stderr": log, "start_new_session": True}
            surroundings = {**environment(), **QUIET}
            self._process = subprocess.Popen(self._words, cwd=self._folder, env=surroundings, **streams)
        wait_for(self.answers)

    def end(self, number: int = signal.SIGKILL) -> None:
        """Send the signal to the server and its worker."""
        os.killpg(self._process.pid, number)
        self._process.wait()

    def answers(self) -> bool:
        try:
            return urllib.request.urlopen(f"{self.url}/health", timeout=5).status == 200
        except OSError:
            return False

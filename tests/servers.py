"""A real MLflow server and a real PostgreSQL, which a test may stop and start again."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import environment, wait_for
from tests.tracking.runs import empty_store

POSTGRES = Path("/usr/lib/postgresql")  # where Debian keeps its versions
QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


class Server:
    """An MLflow server in a folder, over a SQLite file there unless another store is named; always on one port."""

    def __init__(self, folder: Path, store: str = "") -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        self.url, self._folder = f"http://127.0.0.1:{port}", folder
        if not store:
            shutil.copyfile(empty_store(), folder / "mlflow.db")
        places = ["--backend-store-uri", store or f"sqlite:///{folder}/mlflow.db"]
        places += ["--artifacts-destination", str(folder / "files")]
        self._words = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", port, *places]

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def start(self) -> None:
        """Return when it answers."""
        with (self._folder / "log.txt").open("a") as log:
            streams = {"stdout": log, "stderr": log, "start_new_session": True}
            surroundings = {**environment(), **QUIET}
            self._process = subprocess.Popen(self._words, cwd=self._folder, env=surroundings, **streams)
        try:
            wait_for(self.answers)
        except BaseException:
            self.end()
            raise

    def end(self, number: int = signal.SIGKILL) -> None:
        """Send the signal to the server and its worker."""
        os.killpg(self._process.pid, number)
        self._process.wait()

    def answers(self) -> bool:
        try:
            return urllib.request.urlopen(f"{self.url}/health", timeout=5).status == 200
        except OSError:
            return False


class Postgres:
    """A private PostgreSQL cluster on a socket in a folder. The test skips where it is not installed."""

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("psycopg", reason="psycopg, which speaks to PostgreSQL, is not installed")
        versions = sorted(POSTGRES.glob("*/bin"), key=lambda path: int(path.parent.name))
        if not versions:
            pytest.skip("PostgreSQL is not installed here")
        self.url, self._folder, self._programs = (
            f"postgresql+psycopg://me@/postgres?host={folder}",
            folder,
            versions[-1],
        )
        self._as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []  # initdb refuses root
        if self._as_user:
            shutil.chown(folder, "postgres")
            for parent in folder.parents:
                if not (mode := parent.stat().st_mode) & 0o001:
                    parent.chmod(mode | 0o011)
        self._run("initdb", "-A", "trust", "-U", "me")

    def __enter__(self) -> "Postgres":
        self._control("start")
        return self

    def __exit__(self, *error: object) -> None:
        self._control("-m", "immediate", "stop")

    def restart(self) -> None:
        """As after a crash: whatever is under way is lost."""
        self._control("-m", "immediate", "restart")

    def _control(self, *words: str) -> None:
        options = f"-k {self._folder} -c listen_addresses="
        self._run("pg_ctl", "-o", options, "-w", "-l", str(self._folder / "log.txt"), *words)

    def _run(self, program: str, *words: str) -> None:
        command = [*self._as_user, str(self._programs / program), "-D", str(self._folder / "data"), *words]
        subprocess.run(command, check=True, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

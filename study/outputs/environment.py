"""The code, the libraries and the machine of a study."""

import getpass
import json
import os
import platform
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import torch

from hyperstudy.study.core.errors import without_passwords

LIBRARIES = ("torch", "torchvision", "numpy", "optuna", "mlflow", "scikit-learn")


def cores() -> int:
    """The number of processors that this process may use: its affinity or its container may limit it."""
    import joblib

    return joblib.cpu_count()


def commit() -> str:
    """The code's git commit, with '+changes' if files differ from it; 'unknown' outside a checkout."""
    folder = Path(__file__).parent

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def hardware(device: torch.device) -> str:
    """The device in words, a processor with the instruction set that torch uses, on which the last bits depend."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, {cores()} cores"
    return f"{_processor()}, {torch.backends.cpu.get_cpu_capability()}, {cores()} cores, {device.type}"


def run_tags() -> dict[str, str]:
    """Tags of every run about the code that made it; MLflow's UI reads those named `mlflow.`."""
    return {
        "mlflow.source.name": "study.run",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": commit(),
        "mlflow.user": _user(),
        "versions": json.dumps(versions()),
    }


def command() -> str:
    """The command line to repeat, without passwords."""
    module = Path(sys.argv[0]).stem
    package = Path(sys.argv[0]).parent.name
    return shlex.join(["python", "-m", f"{package}.{module}", *map(without_passwords, sys.argv[1:])])


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user in a container may have no name
        return str(os.getuid())


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

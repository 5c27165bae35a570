"""A page in a headless browser, where a machine has one."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom")


def in_browser(page: Path, script: str) -> Any:
    """What a function body `script` returns at the end of the page, by way of JSON; skips without a browser."""
    added = f"""<output id="found"></output><script>
    document.getElementById("found").textContent = JSON.stringify((() => {{ {script} }})());</script></body>"""
    copy = page.with_name("asked.html")
    asked = re.sub("<meta http-equiv=.*>", "", page.read_text(encoding="utf-8"))  # lets no other script run
    copy.write_text(asked.replace("</body>", added), encoding="utf-8")
    (answer,) = re.findall(r'<output id="found">(.*?)</output>', open_page(copy), re.S)
    return json.loads(html.unescape(answer))


def open_page(page: Path) -> str:
    """The page's elements after its scripts have run; skips without a browser."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no browser")
    with TemporaryDirectory() as profile:
        command = [program, *FLAGS, f"--user-data-dir={profile}", page.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

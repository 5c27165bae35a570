"""A page in a headless browser, where a machine has one."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom")


def in_browser(page: Path, script: str) -> Any:
    """What a function body `script` returns at the end of the page, by way of JSON; skips without a browser."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no browser")
    added = f"""<output id="found"></output><script>
    document.getElementById("found").textContent = JSON.stringify((() => {{ {script} }})());</script></body>"""
    copy = page.with_name("asked.html")
    asked = re.sub("<meta http-equiv=.*>", "", page.read_text(encoding="utf-8"))  # lets no other script run
    copy.write_text(asked.replace("</body>", added), encoding="utf-8")
    profile = f"--user-data-dir={page.parent / 'profile'}"
    done = subprocess.run(
        [program, *FLAGS, profile, copy.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    (answer,) = re.findall(r'<output id="found">(.*?)</output>', done.stdout, re.S)
    return json.loads(html.unescape(answer))

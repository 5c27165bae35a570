"""Values as a report shows them."""

from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from hyperstudy.study.core.text import line


def cell(value: Any) -> str:
    """A value as a table shows it: four significant digits, a dash for a missing one."""
    if value is None or (isinstance(value, float) and value != value):
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) >= 10 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def fenced(text: Any) -> Markup:
    """Text on one line that cannot close Markdown's code fence around it."""
    return Markup(line(text).replace("```", "` ` `"))


def web(link: Any) -> str:
    """The link if a browser may follow it, otherwise an empty text; studies of other tools may have none."""
    if not isinstance(link, str) or not link.startswith(("http://", "https://")):
        return ""
    return quote(link, safe="%/:?#[]@!$&*+,;=~")  # neither quotes nor brackets, which would end it in Markdown

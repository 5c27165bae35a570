"""Values and text of a tracker, made safe for Markdown and HTML."""

from typing import Any


def cell(value: Any) -> str:
    """A value as a table shows it: four significant digits, a dash for a missing one."""
    if value is None or (isinstance(value, float) and value != value):
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) >= 10 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def fenced(text: Any) -> str:
    """Text on one line that cannot close the code fence around it."""
    return line(text).replace("```", "` ` `")


def line(text: Any) -> str:
    """Text on one line."""
    return " ".join(str(text).splitlines())


def markdown(text: Any) -> str:
    """Text on one line, with every character escaped that Markdown or HTML would interpret."""
    plain = line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for character in "\\`*_[]|":
        plain = plain.replace(character, "\\" + character)
    return plain


def web(link: Any) -> str:
    """The link if a browser may follow it, otherwise an empty text; studies of other tools may have none."""
    return link if isinstance(link, str) and link.startswith(("http://", "https://")) else ""

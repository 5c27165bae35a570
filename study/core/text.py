"""Text from outside, made safe for where it is shown: a terminal, Markdown, a figure, a spreadsheet.

Names of classes, hyperparameters, metrics and options come from files, folders and stores that may hold anything.
"""

import html
import re
from unicodedata import category

LONG = 80  # characters of a value that are shown where there is little room
LONGEST = 100  # characters of a name
CONTROL = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode's categories of what acts on its surroundings and is not seen
KEPT = "\n\t\u200c\u200d"  # lines, and what joins letters of some scripts and parts of emoji
SIGNS = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]|~#"} | {"$": "&#36;"})
ADDRESS = re.compile(r":(?=//)|(?<=\bwww)\.", re.IGNORECASE)  # of what Markdown makes a link unasked
FORMULA = re.compile(r"'*(?:[=@\t\r]|[+-].*[(|!])", re.DOTALL)


def printable(text: str) -> str:
    """The text with an escape in place of each character that controls a terminal or the direction of writing."""
    if text.isprintable():
        return text
    return "".join(
        sign.encode("unicode_escape").decode() if category(sign) in CONTROL and sign not in KEPT else sign
        for sign in text
    )


def line(text: object) -> str:
    """Text on one line."""
    return printable(" ".join(str(text).splitlines()))


def is_name(text: object) -> bool:
    """Whether it is text of one line that a reader can see whole, and that is short enough for a name."""
    return isinstance(text, str) and 0 < len(text) <= LONGEST and line(text) == text


def is_text(name: str) -> bool:
    """Whether a name can be written as UTF-8; a file's name may hold any bytes."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def markdown(text: object) -> str:
    """Text on one line, with every character escaped that Markdown or HTML would interpret."""
    return ADDRESS.sub(lambda found: f"&#{ord(found[0])};", html.escape(line(text), quote=False).translate(SIGNS))


def code(text: object) -> str:
    """Text on one line as code of Markdown; a backtick in it becomes an apostrophe."""
    return f"`{line(text).replace('`', chr(39))}`"


def literal(text: object) -> str:
    """Text on one line for a figure, cut if it is long: matplotlib reads a pair of dollar signs as mathematics."""
    return shortened(line(text)).replace("$", r"\$")


def shortened(text: str) -> str:
    """The text, cut where a line would become unreadable."""
    return text if len(text) <= LONG else f"{text[:LONG]}..."


def inert(cell: str) -> str:
    """A cell with an apostrophe before what a spreadsheet would take for a formula; `read_inert` takes it away."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def read_inert(cell: str) -> str:
    """The cell that `inert` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell

"""Bad input gets one line that says what is wrong and what would be accepted."""

import argparse
import errno
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from difflib import get_close_matches
from typing import Any, NoReturn

from hyperstudy.study.core.printing import Lasting
from hyperstudy.study.core.text import line, shortened

SECRETS = "password|passwd|pwd|token|secret|key|signature|sig|credential|odbc_connect"  # ends of names in a URL's query
WRONG = (  # errors of a place that was named wrongly or may not be used; all others, such as a full disk, may pass
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL),
)
DIGITS = 15  # of the largest number that an option may have


class OneLineError(Exception):
    """An error whose text is one line without passwords."""

    def __init__(self, text: str) -> None:
        super().__init__(without_passwords(line(text)))  # reasons that libraries give may have several lines


class InputError(OneLineError):
    """Input that cannot be used. Its text is the rule, the value, and what would be accepted."""


class StoreError(OneLineError):
    """The store or the disk failed, so that the command cannot go on now; given again, it does."""


def without_passwords(text: str) -> str:
    """The text with three stars in place of each password or token in a URL, so that it can be printed."""
    text = re.sub(r"(://[^\s/:@]*):[^@]*@(?:[^\s@/'\"]*@)*", r"\1:***@", text)  # also a password with spaces
    text = re.sub(r"(https?://)[^\s/:@]+@", r"\1***@", text)
    return re.sub(rf"([?&][\w.-]*(?:{SECRETS})=)[^\s&'\"]+", r"\1***", text, flags=re.IGNORECASE)


def unusable(what: str, error: OSError, hint: str = "") -> OneLineError:
    """The error for a file or a folder that cannot be used, with the reason: `InputError` for a wrong place, else
    `StoreError`."""
    return _kind(error)(f"{what} ({_reason(error)}){hint}")


def not_one_of(what: str, value: object, accepted: Iterable[object]) -> InputError:
    """An error that lists what `what` may be and names the accepted value nearest to `value`."""
    names = [str(name) for name in accepted]
    near = get_close_matches(str(value), names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return InputError(f"{what} must be one of {', '.join(map(repr, names))}; got {str(value)!r}{hint}")


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line that names the nearest option.

    `meanings` says in words what options mean, so that another name for the same can be understood.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.meanings: dict[str, str] = {}

    def error(self, message: str) -> NoReturn:
        raise InputError(message)

    def parse(self, words: Sequence[str] | None) -> argparse.Namespace:
        for word in sys.argv[1:] if words is None else words:
            if word.endswith("=--"):  # argparse takes it for no value, and gives a list
                raise InputError(f"an option's value must not be '--'; got {word!r}")
        options, unknown = self.parse_known_args(words)
        if unknown:
            given = unknown[0].partition("=")[0]
            said = given.lstrip("-").replace("-", " ")
            for option, meaning in self.meanings.items():
                if said and meaning.startswith(said):
                    raise InputError(f"option {given!r} is none; did you mean {option!r}, {meaning}?")
            raise not_one_of("option", given, dict.fromkeys(re.findall(r"--[a-z][a-z-]*", self.format_usage())))
        return options


def count(name: str, least: int) -> Any:
    """An option's type: a whole number from `least` up."""

    def parse(text: str) -> int:
        if not text.isdecimal() or len(text) > DIGITS or int(text) < least:
            raise InputError(f"{name} must be a whole number from {least} up; got {shortened(text)!r}")
        return int(text)

    return parse


def exit_code(program: str, run: Callable[[], int], again: str = "starts again") -> int:
    """What `run` returns; 2 after one line on standard error for bad input, missing rights among it, 1 after one for a
    store or a disk that failed, 130 for Ctrl-C or a request to terminate.

    `again` is what the same command does after a failure. It runs to its end also where nobody reads what it prints.
    """
    try:
        with redirect_stdout(Lasting(sys.stdout)) as output, _interruptible():
            try:
                _check_folder()
                return run()
            finally:
                output.flush()
    except (OneLineError, OSError) as error:
        told = _kind(error)(_reason(error)) if isinstance(error, OSError) else error
    except KeyboardInterrupt:
        return 130
    failed = isinstance(told, StoreError)
    with suppress(OSError):  # nobody reads it
        print(f"{program}: {told}{f'; the same command {again}' if failed else ''}", file=sys.stderr)
    return 1 if failed else 2


def _kind(error: OSError) -> type[OneLineError]:
    return InputError if error.errno in WRONG else StoreError


def _reason(error: OSError) -> str:
    """What the operating system says, and of which place; of a copy that is where it goes."""
    place, reason = error.filename2 or error.filename, error.strerror or str(error) or type(error).__name__
    return f"{reason}: {str(place)!r}" if place else reason


def _check_folder() -> None:
    """Raise `InputError` if the working directory is gone; libraries would end the process without a word of it."""
    try:
        os.getcwd()
    except OSError as error:
        raise InputError(f"the working directory must be there ({error.strerror}): change into another") from None


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C and a request to terminate are heard alike, unless they are ignored, as in the background of a shell."""
    if threading.current_thread() is not threading.main_thread():  # signals can be handled nowhere else
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    heard = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in heard:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in heard.items():
            signal.signal(number, handler)

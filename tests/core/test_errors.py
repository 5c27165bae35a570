"""Bad input in one line, and passwords that nobody reads in it."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from hyperstudy.study.core.errors import InputError, exit_code, unusable, without_passwords

NAMES = st.text("abcXYZ019._-", min_size=1)


@given(NAMES, st.text(min_size=1), NAMES, st.integers(1, 65535))
def test_a_password_is_never_shown_whatever_it_is(user, password, host, port):
    url = URL.create("postgresql", user, password, host, port, "study")
    told = f"store '{url.render_as_string(hide_password=False)}' cannot be opened"
    assert str(InputError(told)) == f"store '{url.render_as_string(hide_password=True)}' cannot be opened"


def test_what_has_no_password_stays_as_it_is():
    for text in ("sqlite:///mlruns/mlflow.db", "http://127.0.0.1:5000", "postgresql://me@host:5432/study", "a:b@c"):
        assert without_passwords(text) == text


def test_a_password_with_an_at_sign_is_not_shown_in_part():
    assert without_passwords("'postgresql://me:p@ss@host/db' and 'x@y'") == "'postgresql://me:***@host/db' and 'x@y'"


def test_tokens_are_not_shown_either():
    assert without_passwords("https://token@host/x") == "https://***@host/x"
    text = "postgresql://host/db?user=me&password=s3cret&sslmode=require and more"
    assert without_passwords(text) == "postgresql://host/db?user=me&password=***&sslmode=require and more"


def raising(number, *places):
    def run():
        raise OSError(number, os.strerror(number), *places)

    return run


CODES = [
    *((number, 2) for number in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT)),
    *((number, 1) for number in (errno.ENOSPC, errno.EFBIG, errno.EIO, errno.ECONNRESET, errno.EMFILE, errno.ENOMEM)),
]


@pytest.mark.parametrize(("number", "code"), CODES)
def test_what_is_not_allowed_is_bad_input_and_what_may_pass_a_failure(number, code, capsys):
    assert exit_code("study.export", raising(number, "from", None, "to")) == code
    more = "; the same command starts again" if code == 1 else ""
    assert capsys.readouterr().err == f"study.export: {os.strerror(number)}: 'to'{more}\n"


@pytest.mark.parametrize(("number", "code"), CODES)
def test_a_place_that_was_named_is_judged_by_the_same_rule(number, code, capsys):
    def run():
        try:
            raising(number)()
        except OSError as error:
            raise unusable("folder 'x' cannot be written", error) from None

    assert exit_code("reports.findings", run) == code
    told = f"reports.findings: folder 'x' cannot be written ({os.strerror(number)})"
    assert capsys.readouterr().err.startswith(told)


def test_only_what_goes_on_says_so(capsys):
    assert exit_code("study.run", raising(errno.ENOSPC), "goes on") == 1
    assert capsys.readouterr().err.endswith("; the same command goes on\n")

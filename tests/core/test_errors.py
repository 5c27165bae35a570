"""Bad input in one line, and passwords that nobody reads in it."""

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from hyperstudy.study.core.errors import InputError, without_passwords

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

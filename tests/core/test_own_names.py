"""Names and texts of rows that a user adds: those that nobody can read whole are refused."""

import pytest

from hyperstudy.study.core.domains import Choice, Hyperparameter
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.own import check_rows
from hyperstudy.study.core.schedules import SCHEDULES
from hyperstudy.study.core.text import is_name
from tests.hostile import PAYLOADS

UNREADABLE = [name for name, text in PAYLOADS.items() if not is_name(text)]


def test_lines_control_characters_and_length_make_a_name_unreadable():
    assert {*UNREADABLE} == {"table", "block", "colour", "control", "direction", "undecodable", "long"}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_row_of_that_name_is_refused(name, monkeypatch):
    monkeypatch.setitem(SCHEDULES, PAYLOADS[name], SCHEDULES["constant"])
    with pytest.raises(InputError, match=r"mine\.py: a row must have a name of one line, up to 100 characters"):
        check_rows("mine.py")


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_hyperparameter_with_such_a_text_is_refused(name):
    row = Hyperparameter("a text", "a", Choice(("a", PAYLOADS[name])))
    for odd in (row, row._replace(space=Choice(("a", "b")), unit=PAYLOADS[name])):
        with pytest.raises(InputError, match="kind must have texts of one line, up to 100 characters"):
            odd.checked("kind")

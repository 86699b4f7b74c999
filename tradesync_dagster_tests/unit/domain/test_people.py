"""Roles, whom a person sees, how long a session lives, and which names and passwords are taken."""

from datetime import UTC, datetime, timedelta

import pytest

from tradesync_dagster.domain.errors import ConfigurationError
from tradesync_dagster.domain.people import (
    ALL_ORGANIZATIONS,
    IDLE,
    LIFETIME,
    Person,
    Role,
    Session,
    check_name,
    check_password,
    digest_of,
    form_token_of,
    is_form_token,
)

AT = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)


def test_each_role_may_do_what_those_before_it_may() -> None:
    covered = {(a, b) for a in Role for b in Role if a.covers(b)}
    assert covered == {
        (Role.VIEWER, Role.VIEWER),
        (Role.OPERATOR, Role.VIEWER),
        (Role.OPERATOR, Role.OPERATOR),
        *((Role.ADMIN, role) for role in Role),
    }


def test_a_person_sees_one_organization_or_all() -> None:
    one = Person("asha", "acme", Role.ADMIN, AT)
    everyone = Person("root", ALL_ORGANIZATIONS, Role.VIEWER, AT)
    assert (one.sees("acme"), one.sees("rival"), one.sees("")) == (True, False, False)
    assert (everyone.sees("acme"), everyone.sees("rival")) == (True, True)


def test_a_session_ends_by_age_and_by_idleness() -> None:
    session = Session("d", "asha", AT, AT + LIFETIME - IDLE)
    just = timedelta(microseconds=1)
    assert session.lives(AT + LIFETIME - just)
    assert not session.lives(AT + LIFETIME)
    idle = Session("d", "asha", AT, AT)
    assert idle.lives(AT + IDLE - just)
    assert not idle.lives(AT + IDLE)
    busy = Session("d", "asha", AT, AT + LIFETIME)
    assert not busy.lives(AT + LIFETIME), "whatever happens in it"


def test_what_is_kept_and_what_forms_carry_do_not_tell_the_token() -> None:
    token, other = "one token", "another token"
    assert token not in digest_of(token) + form_token_of(token)
    assert digest_of(token) != form_token_of(token)
    assert is_form_token(form_token_of(token), token)
    for sent in ("", "é", form_token_of(other), digest_of(token), form_token_of(token)[:-1]):
        assert not is_form_token(sent, token)


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "x" * 65, "a\n", "<b>", "command line"])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="letters, digits"):
        check_name(name)


def test_good_names_and_passwords_are_taken() -> None:
    for name in ("asha", "asha@acme.example", "A-1_b", "x" * 64):
        check_name(name)
        check_password("four words make five", name)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "12 to 200"),
        ("x" * 201, "12 to 200"),
        ("four words\nmake five", "one line"),
        ("aaaaaaaaaaaaaaa", "guess"),
        ("my name is Asha ok", "guess"),
    ],
)
def test_bad_passwords_are_refused_without_being_repeated(password: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as raised:
        check_password(password, "asha")
    assert password not in str(raised.value)

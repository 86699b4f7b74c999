"""``tradesync accounts``: what is added, listed, refused, and never shown."""

import json
from pathlib import Path

import pytest

from tradesync_dagster_tests.support.commands import (
    API_KEY,
    SECRETS,
    TOKEN,
    done,
    refused,
    stored_credentials,
    told,
    tradesync,
)

pytestmark = pytest.mark.usefixtures("books")


def test_an_added_account_is_listed_without_its_secrets(books: Path) -> None:
    done("accounts", "add", "acme/main", "--broker", "zerodha", *SECRETS)
    assert told("accounts", "list") == [
        {
            "account": "acme/main",
            "organization_id": "acme",
            "pseudo_account": "main",
            "broker": "ZERODHA",
            "enabled": True,
            "live": False,
            "base_url": "",
        }
    ]
    assert "acme/main" in done("accounts", "list")
    assert stored_credentials(books) == {"acme/main": {"api_key": API_KEY, "access_token": TOKEN}}


def test_secrets_are_asked_for_without_being_shown(books: Path) -> None:
    done("accounts", "add", "acme/main", "--broker", "ZERODHA", typed=f"{API_KEY}\n{TOKEN}\n")
    assert stored_credentials(books)["acme/main"] == {"api_key": API_KEY, "access_token": TOKEN}


def test_credentials_come_from_standard_input(books: Path) -> None:
    typed = json.dumps({"api_key": API_KEY, "access_token": TOKEN})
    command = ("accounts", "add", "acme/main", "--broker", "ZERODHA", "--credentials-stdin")
    done(*command, typed=typed)
    assert stored_credentials(books)["acme/main"] == {"api_key": API_KEY, "access_token": TOKEN}


@pytest.mark.parametrize("typed", ["", "[]", "{}", f'"{API_KEY}"', "{broken " + TOKEN])
def test_credentials_that_are_no_object_are_refused(books: Path, typed: str) -> None:
    command = ("accounts", "add", "acme/main", "--broker", "ZERODHA", "--credentials-stdin")
    assert "no JSON object" in refused(*command, typed=typed)
    assert stored_credentials(books) == {}


def test_a_credential_that_is_not_text_is_named_but_not_shown(books: Path) -> None:
    command = ("accounts", "add", "acme/main", "--broker", "ZERODHA", "--credentials-stdin")
    typed = json.dumps({"api_key": API_KEY, "access_token": [TOKEN]})
    assert "access_token" in refused(*command, typed=typed)


def test_adding_again_brings_credentials_up_to_date_and_keeps_the_account_disabled(
    books: Path,
) -> None:
    tradesync("accounts", "add", "acme/main", "--broker", "ZERODHA", *SECRETS)
    done("accounts", "disable", "acme/main")
    new = ["--api-key", API_KEY, "--access-token", f"{TOKEN}x"]
    found = tradesync("accounts", "add", "acme/main", "--broker", "ZERODHA", *new)
    assert "up to date" in found.stdout
    assert stored_credentials(books)["acme/main"]["access_token"] == f"{TOKEN}x"
    assert told("accounts", "list")[0]["enabled"] is False
    done("accounts", "enable", "acme/main")
    assert told("accounts", "list")[0]["enabled"] is True


def test_an_unknown_broker_is_refused_with_the_known_ones() -> None:
    found = refused("accounts", "add", "a/b", "--broker", "NOBODY", *SECRETS)
    assert "'NOBODY'" in found
    assert "ZERODHA" in found


@pytest.mark.parametrize("key", ["main", "/main", "acme/", "a/b/c", "a/b|c", "a b/c", "a/b\nc"])
def test_a_key_that_names_no_account_is_refused(key: str) -> None:
    found = refused("accounts", "add", key, "--broker", "ZERODHA", *SECRETS)
    assert "ORG/ACCOUNT" in found


def test_a_base_url_that_is_no_address_is_refused() -> None:
    command = ("accounts", "add", "a/b", "--broker", "ZERODHA", "--base-url", "ftp://x", *SECRETS)
    assert "--base-url" in refused(*command)


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8650", "http://", "http://[::1", "http://host:99999", "http://host:x",
        f"http://desk:{TOKEN}@host", "http://host/?a=1",
    ],
)  # fmt: skip
def test_addresses_that_a_broker_cannot_be_asked_at_are_refused(books: Path, url: str) -> None:
    command = ("accounts", "add", "a/b", "--broker", "ZERODHA", "--base-url", url)
    assert "--base-url" in refused(*command, *SECRETS)
    assert stored_credentials(books) == {}


def test_an_account_that_its_broker_could_not_use_is_not_added(books: Path) -> None:
    command = ("accounts", "add", "a/b", "--broker", "ZERODHA", "--credentials-stdin")
    keys = {"api_key": API_KEY}
    assert "access_token is missing" in refused(*command, typed=json.dumps(keys))
    keys["access_token"] = f"{TOKEN} x"
    assert "access_token has characters" in refused(*command, typed=json.dumps(keys))
    assert stored_credentials(books) == {}


def test_a_new_token_leaves_the_account_at_its_address() -> None:
    add = ("accounts", "add", "acme/main", "--broker", "ZERODHA", *SECRETS)

    def address() -> str:
        return str(told("accounts", "list")[0]["base_url"])

    done(*add, "--base-url", "http://127.0.0.1:8650")
    done(*add)
    assert address() == "http://127.0.0.1:8650"
    done(*add, "--base-url", "")
    assert address() == ""

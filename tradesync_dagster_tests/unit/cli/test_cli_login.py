"""``tradesync login`` end to end: the printed page, its redirect, the exchange, the books."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import upstox_client
from kiteconnect import KiteConnect
from typer.testing import Result

from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster.brokers.transport import Transport
from tradesync_dagster.brokers.zerodha_login import ZerodhaLogin
from tradesync_dagster.domain.accounts import Account
from tradesync_dagster_tests.support.clocks import MovingClock
from tradesync_dagster_tests.support.commands import stored_credentials, tradesync

KEY = "acme/main"
REDIRECT = "https://desk.invalid/back?from=upstox"
BROKERS = ("UPSTOX", "ZERODHA")
LOGOUT = {"user_id": "SIM001"}


pytestmark = pytest.mark.usefixtures("books")


@pytest.fixture
def url() -> Iterator[str]:
    with running_exchange(ExchangeConfig(accounts=2, people_rate=0)) as address:
        yield address


def user(url: str, number: int = 0) -> Any:
    return requests.get(f"{url}/sim/accounts", timeout=60).json()[number]


def logout(url: str) -> None:
    requests.post(f"{url}/sim/logout", json=LOGOUT, timeout=60).raise_for_status()


def stored(home: Path) -> dict[str, str]:
    return stored_credentials(home)[KEY]


def add(url: str, broker: str) -> None:
    """Register the account with a session that then dies, as one of yesterday has."""
    token = user(url)["credentials"][broker]["access_token"]
    keys = ["--api-key", user(url)["api_key"], "--access-token", token]
    added = tradesync("accounts", "add", KEY, "--broker", broker, "--base-url", url, *keys)
    assert added.exit_code == 0, added.output
    logout(url)


def asked(url: str, broker: str, secret: str | None = None) -> list[str]:
    """What a person types before the token, the first time."""
    first = [secret or user(url)["api_secret"]]
    return [*first, REDIRECT] if broker == "UPSTOX" else first


def page_of(told: Result) -> str:
    found = re.search(r"Log in here: (\S+)", told.output)
    assert found is not None, told.output
    return found[1]


def redirected(page: str) -> str:
    answer = requests.get(page, allow_redirects=False, timeout=60)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def token_of(url: str, number: int = 0) -> str:
    return str(user(url, number)["request_token"])


def log_in(*typed: str) -> Result:
    return tradesync("login", KEY, typed="\n".join(typed) + "\n")


def works() -> bool:
    return tradesync("sync").exit_code == 0


@pytest.mark.parametrize("broker", BROKERS)
def test_a_dead_session_comes_back_by_the_page_and_its_token(
    home: Path, url: str, broker: str
) -> None:
    add(url, broker)
    assert not works()
    before = stored(home)
    page = page_of(log_in(*asked(url, broker)))  # nothing typed for the token: the person gives up
    assert stored(home) == before
    back = redirected(page)
    name = "code" if broker == "UPSTOX" else "request_token"
    assert parse_qs(urlsplit(back).query)[name] == [token_of(url)]
    told = log_in(*asked(url, broker), token_of(url))
    assert told.exit_code == 0, told.output
    assert "acme/main is logged in as SIM001." in told.output
    assert works()
    kept = stored(home)
    assert kept["access_token"] == user(url)["credentials"][broker]["access_token"]
    assert kept["access_token"] != before["access_token"]
    assert kept["api_key"] == before["api_key"]
    for secret in (*kept.values(), token_of(url)):
        shown = told.output.replace(page_of(told), "")
        assert secret not in shown or secret == "SIM001"
    assert kept["api_secret"] not in page
    logout(url)
    again = log_in(redirected(page)) if broker == "ZERODHA" else log_in(token_of(url))
    assert again.exit_code == 0, again.output  # api_secret and redirect_uri are not asked for again
    assert works()


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("wrong", ["token", "secret", "address", "malformed"])
def test_a_wrong_token_or_secret_is_told_and_nothing_is_kept(
    home: Path, url: str, broker: str, wrong: str
) -> None:
    add(url, broker)
    before = stored(home)
    typed = {
        "token": [*asked(url, broker), "n0t-the-token"],
        "secret": [*asked(url, broker, "n0t-the-secret"), token_of(url)],
        "address": [*asked(url, broker), "https://desk.invalid/?status=cancelled"],
        "malformed": [*asked(url, broker), "https://[desk.invalid/?code=n0t-the-code"],
    }[wrong]
    told = log_in(*typed)
    assert told.exit_code == 1
    sentence = told.stderr.strip().splitlines()[-1]
    assert sentence.startswith("tradesync: ")
    assert ("for wrong" if wrong in {"token", "secret"} else "log in again") in sentence
    for secret in (token_of(url), user(url)["api_secret"], "n0t-the", before["api_key"]):
        assert secret not in sentence
    assert stored(home) == before


def test_the_redirect_of_another_login_is_refused(url: str) -> None:
    add(url, "UPSTOX")
    back = redirected(page_of(log_in(*asked(url, "UPSTOX"))))
    assert "from=upstox" in back
    for address in (back, back.partition("&state=")[0]):
        told = log_in(*asked(url, "UPSTOX"), address)
        assert "another login" in told.stderr
    given = tradesync("login", KEY, "--code", back, typed="\n".join(asked(url, "UPSTOX")))
    assert given.exit_code == 0, given.output  # its page was an earlier run's


def test_somebody_elses_session_is_not_kept(home: Path, url: str) -> None:
    add(url, "ZERODHA")
    assert log_in(*asked(url, "ZERODHA"), token_of(url)).exit_code == 0
    before = stored(home)
    other = user(url, 1)
    keys = ["--api-key", other["api_key"], "--credential", "api_secret=-"]
    changed = tradesync("accounts", "add", KEY, "--broker", "ZERODHA", *keys,
                        typed=f"{other['api_secret']}\n")  # fmt: skip
    assert changed.exit_code == 0, changed.output
    told = log_in(token_of(url, 1))
    assert told.exit_code == 1
    assert "SIM002's, but acme/main is the account of SIM001" in told.stderr
    assert stored(home)["access_token"] == before["access_token"]


def test_a_broker_without_a_login_says_what_to_do(url: str) -> None:
    text = requests.get(f"{url}/sim/accounts", timeout=60).json()[0]["credentials"]["KOTAK"]
    names = [part for name in text for part in ("--credential", f"{name}=-")]
    typed = "\n".join(text.values()) + "\n"
    added = tradesync("accounts", "add", KEY, "--broker", "KOTAK", *names, typed=typed)
    assert added.exit_code == 0, added.output
    told = tradesync("login", KEY)
    assert told.exit_code == 1
    assert "no login at KOTAK from here" in told.stderr
    assert "tradesync accounts add" in told.stderr


def test_a_token_of_the_environment_is_not_replaced_in_the_books(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(url, "ZERODHA")
    monkeypatch.setenv("TRADESYNC_CREDENTIALS_ACME_MAIN", '{"access_token": "fr0m-outside"}')
    told = log_in(*asked(url, "ZERODHA"), token_of(url))
    assert told.exit_code == 1
    assert "TRADESYNC_CREDENTIALS_ACME_MAIN" in told.stderr
    assert "fr0m-outside" not in told.output


def test_an_account_that_is_not_there_is_told() -> None:
    told = tradesync("login", "acme/none")
    assert told.exit_code == 1
    assert "acme/none" in told.stderr


def test_kites_page_is_the_one_that_its_own_client_names() -> None:
    account = Account(1, "O", "A", "ZERODHA", credentials={"api_key": "k", "api_secret": "s"})
    page = ZerodhaLogin(account, Transport(MovingClock()), "").page
    theirs = KiteConnect(api_key="k").login_url()
    assert urlsplit(page)[:3] == urlsplit(theirs)[:3]
    assert parse_qs(urlsplit(page).query) == parse_qs(urlsplit(theirs).query)


def test_the_official_clients_log_in_by_the_same_pages(url: str) -> None:
    mine = user(url)
    kite = KiteConnect(api_key=mine["api_key"], root=url, timeout=60)
    back = redirected(kite.login_url().replace("https://kite.zerodha.com", url))
    (token,) = parse_qs(urlsplit(back).query)["request_token"]
    assert kite.generate_session(token, mine["api_secret"])["user_id"] == mine["user_id"]
    kite.reqsession.close()
    configuration = upstox_client.Configuration()
    configuration.host = url
    login = upstox_client.LoginApi(upstox_client.ApiClient(configuration))
    _, status, _ = login.authorize_with_http_info(
        mine["api_key"], f"{url}/sim/health", "2.0", state="abc"
    )
    assert status == 200  # it follows the redirect, here to the exchange itself


def test_a_page_for_nobody_is_the_brokers_own_error(url: str) -> None:
    kite = requests.get(f"{url}/connect/login?api_key=nobody&v=3", timeout=60)
    assert (kite.status_code, kite.json()["status"]) == (400, "error")
    query = "client_id=nobody&redirect_uri=https://desk.invalid&response_type=code"
    upstox = requests.get(f"{url}/v2/login/authorization/dialog?{query}", timeout=60)
    assert upstox.status_code == 401
    assert upstox.json()["errors"][0]["errorCode"] == "UDAPI100016"


@pytest.mark.parametrize("broker", BROKERS)
def test_the_first_session_too_can_come_by_the_page(home: Path, url: str, broker: str) -> None:
    key = ["--api-key", user(url)["api_key"]]
    new = ("accounts", "add", KEY, "--broker", broker, "--base-url", url, *key, "--login-later")
    added = tradesync(*new)
    assert added.exit_code == 0, added.output
    assert stored(home) == {"api_key": user(url)["api_key"]}
    missing = tradesync("sync")
    assert missing.exit_code == 1
    assert "access_token is missing" in missing.stderr
    assert "tradesync login" in missing.stderr
    assert log_in(*asked(url, broker), token_of(url)).exit_code == 0
    assert works()


def test_no_login_is_left_for_later_where_there_is_none(url: str) -> None:
    new = ("accounts", "add", KEY, "--broker", "KOTAK", "--base-url", url, "--login-later")
    told = tradesync(*new)
    assert told.exit_code == 1
    assert "--login-later is for brokers" in told.stderr

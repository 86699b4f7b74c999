"""The simulated exchange comes back as it was, also from SIGKILL."""

import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tradesync_dagster.brokers.exchange import truth
from tradesync_dagster.brokers.exchange.orders import OrderRequest, RefusedError
from tradesync_dagster.brokers.exchange.server import ExchangeConfig, serve, start_background
from tradesync_dagster.brokers.exchange.units import IST
from tradesync_dagster.brokers.exchange.venue import Venue
from tradesync_dagster_tests.support.ports import free_port

START = datetime(2025, 11, 17, 9, 20, tzinfo=IST)


def _call(url: str, body: dict[str, Any] | None = None) -> Any:
    method = "GET" if body is None else "POST"
    return requests.request(method, url, json=body, timeout=60).json()


def _venue(path: Path, **changes: Any) -> Venue:
    config = ExchangeConfig(accounts=4, history_days=2, start_at=START, people_rate=0.4, **changes)
    return Venue(config.genesis(), path, lambda: START)


def _all(venue: Venue) -> list[Any]:
    return [truth.account(venue.market, user) for user in venue.sessions]


def test_replay_brings_everything_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "exchange.sqlite"
    venue = _venue(path)
    wanted = OrderRequest("SBIN", "NSE", "BUY", 25, "CNC", tag="ours1")
    venue.place("SIM001", wanted)
    with pytest.raises(RefusedError):
        venue.cancel("SIM001", "1")
    venue.step(20)
    venue.set_clock(START + timedelta(days=1))
    venue.logout("SIM002")
    venue.step(3)
    expected, token = _all(venue), venue.sessions["SIM002"].access_token
    venue.close()
    again = _venue(path)
    assert _all(again) == expected
    assert again.sessions["SIM002"].access_token == token
    assert again.user_of(f"{again.sessions['SIM002'].api_key}:{token}") == "SIM002"
    assert again.now() == START + timedelta(days=1)
    again.close()


def test_a_journal_serves_one_exchange_only(tmp_path: Path) -> None:
    _venue(tmp_path / "j.sqlite").close()
    with pytest.raises(ValueError, match="seed differ"):
        _venue(tmp_path / "j.sqlite", seed=8)


def test_the_clock_never_goes_back() -> None:
    venue = Venue(ExchangeConfig(accounts=1, start_at=START).genesis(), None, lambda: START)
    with pytest.raises(RefusedError, match="only goes forward"):
        venue.set_clock(START - timedelta(seconds=1))
    with pytest.raises(RefusedError, match="ten years"):
        venue.set_clock(START + timedelta(days=4000))


def test_a_running_clock_keeps_its_offset_over_a_restart(tmp_path: Path) -> None:
    genesis = ExchangeConfig(accounts=1).genesis()
    venue = Venue(genesis, tmp_path / "j.sqlite", lambda: START)
    venue.set_clock(START + timedelta(hours=30))
    venue.close()
    later = START + timedelta(minutes=5)
    again = Venue(genesis, tmp_path / "j.sqlite", lambda: later)
    assert again.now() == later + timedelta(hours=30)
    again.close()


def test_sigkill_loses_nothing(tmp_path: Path) -> None:
    config = ExchangeConfig(accounts=5, journal=tmp_path / "x.sqlite", people_rate=0.5)
    with start_background(config, port=free_port()) as running:
        for row in range(30):
            order = {
                "user_id": "SIM001",
                "tradingsymbol": "ITC",
                "exchange": "NSE",
                "transaction_type": "BUY",
                "quantity": 300 if row % 3 else 2,
                "product": "MIS",
            }
            _call(f"{running.url}/sim/orders", order)
        _call(f"{running.url}/sim/step", {"steps": 40})
        _call(f"{running.url}/sim/clock", {"advance_seconds": 90_000})
        users = [row["user_id"] for row in _call(f"{running.url}/sim/accounts")]
        before = [_call(f"{running.url}/sim/truth/{user}")["data"] for user in users]
        running.kill()
    with start_background(config, port=running.port) as again:
        assert again.url == running.url
        after = [_call(f"{again.url}/sim/truth/{user}")["data"] for user in users]
    for row in (*before, *after):
        del row["now"]
    assert after == before
    assert sum(len(row["fills"]) for row in before) > 40


def test_a_taken_port_is_an_oserror() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="address already in use"):
            serve(ExchangeConfig(port=taken.getsockname()[1], accounts=1))

"""``tradesync run`` as a desk runs it: its own account, a tick by Dagster's schedule, Ctrl-C."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from tradesync_dagster.brokers.exchange.server import ExchangeConfig, running_exchange
from tradesync_dagster_tests.e2e.test_demo import descendants, environment, free_ports, runs
from tradesync_dagster_tests.support.desk import ask

_TRADESYNC = [sys.executable, "-m", "tradesync_dagster.cli"]
_TICK_SECONDS = 180.0
_END_SECONDS = 30.0


def wait_for_tick(process: "subprocess.Popen[bytes]", output: Path) -> str:
    deadline = time.monotonic() + _TICK_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        ticks = [text for text in output.read_text().splitlines() if text.startswith("sync ")]
        if ticks:
            return ticks[0]
        time.sleep(0.2)
    raise AssertionError(f"no tick:\n{output.read_text()}")


def end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_END_SECONDS)
    finally:
        process.kill()


def test_an_own_account_is_synced_by_the_schedule_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    settings = environment(
        TRADESYNC_HOME="books",
        TRADESYNC_CONFIRM_SECONDS="0",
        TRADESYNC_MINIMUM_AGE_SECONDS="0",
        EXTERNAL_ORDER_SYNC_INTERVAL_MINUTES="1",
    )
    output = tmp_path / "run.out"

    def tradesync(*arguments: str, typed: str = "") -> bytes:
        return subprocess.run(
            [*_TRADESYNC, *arguments], env=settings, cwd=tmp_path, input=typed.encode(),
            capture_output=True, check=True, timeout=60,
        ).stdout  # fmt: skip

    with running_exchange(ExchangeConfig(accounts=1, people_rate=0.0)) as url:
        (user,) = ask(f"{url}/sim/accounts")
        by_hand = {"user_id": user["user_id"], "tradingsymbol": "INFY", "exchange": "NSE",
                   "transaction_type": "BUY", "quantity": 3}  # fmt: skip
        order_id = ask(f"{url}/sim/orders", by_hand)["order_id"]
        tradesync("db", "upgrade")
        secrets = json.dumps({name: user[name] for name in ("api_key", "access_token")})
        tradesync("accounts", "add", "acme/main", "--broker=ZERODHA", f"--base-url={url}",
                  "--credentials-stdin", typed=secrets)  # fmt: skip
        (port,) = free_ports(1)
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*_TRADESYNC, "run", f"--port={port}"],
                env=settings, cwd=tmp_path, stdout=file, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            line = wait_for_tick(process, output)
            children = descendants(process.pid)
        finally:
            end(process)
        assert process.returncode == 0, output.read_text()
        assert "1 accounts" in line
        assert "(+1)" in line
        assert "0 errors" in line
        # The UI, the daemon and what serves the code; no simulated exchange, and none of them left.
        assert len(children) >= 3
        assert [log.name for log in (tmp_path / "books" / "logs").iterdir()] == ["dagster.log"]
        assert not [pid for pid in children if runs(pid)]
    (order,) = json.loads(tradesync("external", "acme/main", "--json"))
    assert (order["broker_order_id"], order["origin"]) == (order_id, "external")

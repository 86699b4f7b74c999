"""``tradesync run`` with paper accounts: their exchange starts and ends with it."""

import subprocess
import time
from datetime import timedelta
from pathlib import Path

from tradesync_dagster.cli.processes import answers
from tradesync_dagster_tests.support.desk import ask
from tradesync_dagster_tests.support.ports import free_ports
from tradesync_dagster_tests.support.stacks import (
    START_SECONDS,
    TRADESYNC,
    clear_of_midnight,
    end,
    environment,
)


def test_run_starts_the_exchange_of_its_paper_accounts_and_ends_it(tmp_path: Path) -> None:
    clear_of_midnight(timedelta(minutes=3))
    port, ui, pages = free_ports(3)
    url = f"http://127.0.0.1:{port}"
    settings = environment(TRADESYNC_HOME="books", TRADESYNC_PAPER_URL=url)

    def start(*arguments: str) -> "subprocess.Popen[bytes]":
        with (tmp_path / "out").open("ab") as file:
            process = subprocess.Popen(
                [*TRADESYNC, *arguments], env=settings, cwd=tmp_path, stdout=file,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not answers(port, "/sim/health"):
            assert process.poll() is None, (tmp_path / "out").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return process

    by_hand = {"user_id": "acme:main", "tradingsymbol": "INFY", "exchange": "NSE",
               "transaction_type": "BUY", "quantity": 3}  # fmt: skip
    process = start("exchange", "paper")
    try:
        for command in (("db", "upgrade"), ("accounts", "add", "acme/main", "--broker=PAPER")):
            subprocess.run([*TRADESYNC, *command], env=settings, cwd=tmp_path, check=True)
        order_id = ask(f"{url}/sim/orders", by_hand)["order_id"]
    finally:
        end(process)
    assert not answers(port, "/sim/health")
    process = start("run", f"--port={ui}", f"--api-port={pages}")
    try:
        (order,) = ask(f"{url}/sim/truth/acme:main")["orders"]
        assert order["order_id"] == order_id
    finally:
        end(process)
    assert process.returncode == 0, (tmp_path / "out").read_text()
    assert not answers(port, "/sim/health")
    assert (tmp_path / "books" / "logs" / "paper-exchange.log").exists()

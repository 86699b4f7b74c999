"""Watching accounts for spikes of external orders, from one look to the next.

What is open is handed from look to look as text. A message is written before that text is kept, and
is named by what it tells of: after a crash between the two, the same look again writes nothing new.
What belongs here: one look. What does not: what a spike is (``domain.spikes``), the messages'
words (``alerts``), when to look (``defs.spikes``).
"""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.ports import Store
from tradesync_dagster.domain.spikes import (
    Baseline,
    Spike,
    SpikeChanges,
    SpikeRules,
    follow_spikes,
    history_since,
    judged_since,
)
from tradesync_dagster.sync.alerts import AlertRules, spike_alert
from tradesync_dagster.sync.telling import tell


@dataclass(frozen=True, slots=True)
class SpikeLook:
    """What a look found.

    Attributes:
        accounts: How many accounts had enough external orders to be judged.
        changes: What began and ended.
        cursor: For the next look.
    """

    accounts: int
    changes: SpikeChanges
    cursor: str


def watch_spikes(
    store: Store, cursor: str | None, now: datetime, rules: SpikeRules, alerts: AlertRules
) -> SpikeLook:
    """Judge all accounts, and put what began or ended into the outbox.

    Args:
        store: The books.
        cursor: From the look before; ``None`` for the first.
        now: UTC.
        rules: From which count on an hour is a spike.
        alerts: Who is told what.

    Returns:
        What was found.
    """
    known = _read(cursor)
    since, lately = history_since(trade_date_of(now), rules), judged_since(now)
    activities = store.activities(since, lately, rules.minimum)
    changes = follow_spikes(known, activities, now, rules)
    told = [*((s, False) for s in changes.begun), *((s, True) for s in changes.ended)]
    if told and alerts.external_orders:
        accounts = {one.account_id: one for one in store.accounts(enabled_only=False)}
        ids = sorted({s.account_id for s, _ in told} & set(accounts))
        with store.begin(ids) as work:
            messages = [
                spike_alert(accounts[spike.account_id], spike, now, ended=ended)
                for spike, ended in told
                if spike.account_id in accounts
            ]
            tell(work, messages, alerts.addresses)
    return SpikeLook(len(activities), changes, _written(changes))


def _written(changes: SpikeChanges) -> str:
    return json.dumps([_row(spike) for _, spike in sorted(changes.open.items())])


def _row(spike: Spike) -> dict[str, str | int | None]:
    usual = spike.baseline.usual
    return {
        "account_id": spike.account_id,
        "account": spike.account,
        "hour": spike.hour.isoformat(),
        "count": spike.count,
        "usual": None if usual is None else str(usual),
        "threshold": spike.baseline.threshold,
    }


def _read(cursor: str | None) -> dict[str, Spike]:
    return {
        row["account"]: Spike(
            row["account_id"],
            row["account"],
            datetime.fromisoformat(row["hour"]),
            row["count"],
            Baseline(None if row["usual"] is None else Decimal(row["usual"]), row["threshold"]),
        )
        for row in json.loads(cursor or "[]")
    }

"""How results read in Dagster: events, metadata, tags and tables.

What belongs here: turning results into what Dagster records. What does not: deciding what changed
or failed (``sync``), or asking for runs (``sensors``).
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import dagster as dg

from tradesync_dagster.defs.checks import evaluation, passes
from tradesync_dagster.defs.desk_pages import account_link
from tradesync_dagster.defs.partitions import ACCOUNTS, accounts
from tradesync_dagster.domain.money import format_price
from tradesync_dagster.domain.results import ASSETS, FAILED, AccountResult, TickSummary

KIND = "tradesync/kind"
TICK = "tick"
TICK_ID = "tradesync/tick_id"
SHARD = "tradesync/shard"
_LAST_TICK = "tradesync/last_tick/"
"""Before a shard's name: the key of its last tick in what Dagster's storage keeps for daemons."""

MOST_RECORDED = 70
"""Most accounts that one tick records: some seven events each, of which each is a commit."""
_MOST_SHARDS = 100
"""How many ticks are looked through for the last one of each shard."""
MOST_ROWS = 100
"""Most orders in one event's table: events stay in the history for good."""

_COLUMNS = (
    "broker_order_id", "placed_at", "exchange", "symbol", "side", "quantity", "filled_quantity",
    "average_price", "product", "status", "origin", "source", "message",
)  # fmt: skip
"""What a table of orders shows of each."""

Metadata = dict[str, dg.MetadataValue | str | int]
Row = Mapping[str, str | int]

_FIGURES: dict[str, tuple[str, ...]] = {
    "order_book": ("orders", "fills", "rejects"),
    "external_orders": ("external_orders", "new_external_orders", "candidates"),
    "orders": ("orders", "external_orders", "fills"),
    "positions": ("positions",),
    "holdings": ("holdings",),
    "snapshots": ("orders", "positions", "holdings"),
}


def stale(result: AccountResult) -> frozenset[str]:
    """Name the assets that this sync left as they were, because it failed.

    Args:
        result: One account's result.

    Returns:
        Some of ``ASSETS``: all of them for a failed account that names none.
    """
    return frozenset(ASSETS) if result.status == FAILED and not result.failed else result.failed


def shown_failed(
    instance: dg.DagsterInstance, keys: Collection[str], *, or_missing: bool = False
) -> dict[str, frozenset[str]]:
    """Read which partitions Dagster shows as failed.

    Args:
        instance: Where it is recorded.
        keys: The accounts; those that are no partitions are left out.
        or_missing: Count those that were never recorded too.

    Returns:
        The names of the failed assets by account; accounts without any are left out.
    """
    known = instance.get_dynamic_partitions(ACCOUNTS)
    wanted = [key for key in known if key in keys]
    statuses = {dg.AssetPartitionStatus.FAILED, *([None] if or_missing else [])}
    found: dict[str, set[str]] = {}
    for name in ASSETS if wanted else ():
        shown = instance.get_status_by_partition(dg.AssetKey(name), wanted, accounts) or {}
        for key, status in shown.items():
            if status in statuses:
                found.setdefault(key, set()).add(name)
    return {key: frozenset(names) for key, names in found.items()}


@dataclass(frozen=True, slots=True)
class Tick:
    """What the sensors and the next tick need to know of a shard's last tick.

    Attributes:
        tick_id: Its name; empty where none is known.
        failed: Accounts with assets that it left as they were.
        open: Accounts whose check did not pass, so that the next tick says so once it does.
        left: Accounts that changed and were not recorded, since too many did at once.
    """

    tick_id: str = ""
    failed: Sequence[str] = ()
    open: Sequence[str] = ()
    left: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """What people see from earlier runs, and a tick has to put right even if nothing changed.

    Attributes:
        failed: The names of assets shown as failed, or not at all yet, by account.
        open: Accounts whose check did not pass.
        left: Accounts that an earlier tick left unrecorded, those that wait longest first.
    """

    failed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    open: frozenset[str] = frozenset()
    left: tuple[str, ...] = ()


def shown_before(instance: dg.DagsterInstance, summary: TickSummary) -> Shown:
    """Read what is shown of a tick's accounts before its results are recorded.

    Args:
        instance: Where it is recorded.
        summary: The tick.

    Returns:
        What is shown of those that are well again.
    """
    well = {result.account for result in summary.results if not stale(result)}
    last = _last_ticks(instance, [summary.shard])[summary.shard]
    failed = shown_failed(instance, well, or_missing=True)
    return Shown(failed, frozenset(last.open), tuple(last.left))


def share_out(summary: TickSummary, before: Shown) -> tuple[dict[str, frozenset[str]], list[str]]:
    """Choose what a tick records of which accounts, and whom it leaves to the next ones.

    Each event is a commit of its own in Dagster's history: what a tick records of a thousand
    accounts would take longer than the tick. The books do not wait for it. Accounts that were left
    before, or are wrongly shown, come first, then those with new orders, last those that only
    prices moved.

    Args:
        summary: The tick.
        before: What is shown of its accounts.

    Returns:
        The assets to record, by account, and the accounts that are left.
    """
    waiting = {key: place for place, key in enumerate(before.left)}
    found = []
    for place, result in enumerate(summary.results):
        names = result.changed | before.failed.get(result.account, frozenset())
        if result.account in waiting:
            names = frozenset(ASSETS)
        names -= stale(result)
        if names or result.account in before.open or not passes(result):
            first = waiting.get(result.account, len(waiting))
            moved = "order_book" not in names and passes(result)
            found.append(((first, moved, place), result.account, names))
    ordered = [(key, names) for _, key, names in sorted(found)]
    return dict(ordered[:MOST_RECORDED]), [key for key, _ in ordered[MOST_RECORDED:]]


def latest_ticks(instance: dg.DagsterInstance) -> dict[str, Tick]:
    """Find the last tick of each shard that has had one.

    Args:
        instance: Where runs are recorded.

    Returns:
        By shard; a desk whose ticks are one run each has one, without a name.
    """
    ended = dg.RunsFilter(tags={KIND: TICK}, statuses=[dg.DagsterRunStatus.SUCCESS])
    records = instance.get_run_records(ended, limit=_MOST_SHARDS)
    return _last_ticks(instance, {one.dagster_run.tags.get(SHARD, "") for one in records})


def _last_ticks(instance: dg.DagsterInstance, shards: Collection[str]) -> dict[str, Tick]:
    names = {shard: _LAST_TICK + shard for shard in shards}
    kept = instance.daemon_cursor_storage.get_cursor_values(set(names.values())) if names else {}
    return {
        shard: Tick(**json.loads(kept[name])) if name in kept else Tick()
        for shard, name in names.items()
    }


def keep_tick(instance: dg.DagsterInstance, summary: TickSummary, left: Sequence[str]) -> None:
    """Keep what the sensors and the next tick need to know of a tick.

    Not in its run's tags: PostgreSQL's index over them refuses more than 2.7 kB in one.

    Args:
        instance: Where it is recorded.
        summary: The tick.
        left: Whom it leaves to the next ones to record.
    """
    tick = Tick(
        summary.tick_id,
        failed=[result.account for result in summary.results if stale(result)],
        open=[result.account for result in summary.results if not passes(result)],
        left=list(left),
    )
    pairs = {_LAST_TICK + summary.shard: json.dumps(asdict(tick))}
    instance.daemon_cursor_storage.set_cursor_values(pairs)


def account_events(
    result: AccountResult,
    names: Collection[str],
    external: Sequence[Row],
    instance: dg.DagsterInstance,
    *,
    was_open: bool,
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    """Record what one account's sync brought.

    Args:
        result: The account's result.
        names: The assets to record, some of ``ASSETS``.
        external: The day's external orders, for the table.
        instance: Where the events are recorded.
        was_open: Whether people still see the account's check as not passed.

    Yields:
        A materialization for each asset, in the order of the data's flow; then the check's
        answer, if there is anything to say.
    """
    for name in ASSETS:
        if name in names:
            yield dg.AssetMaterialization(
                asset_key=name,
                partition=result.account,
                metadata=_metadata(name, result, external),
            )
    if names or was_open or not passes(result):
        yield evaluation(result, instance)


def _metadata(name: str, result: AccountResult, external: Sequence[Row]) -> Metadata:
    found: Metadata = {figure: getattr(result, figure) for figure in _FIGURES[name]}
    found["status"] = result.status
    found |= account_link(result.account)
    if name == "external_orders" and external:
        found["orders_of_the_day"] = _table(external)
    if name == "positions":
        found |= _profit(result)
    if result.seconds:
        found["seconds"] = dg.MetadataValue.float(round(sum(result.seconds.values()), 3))
        found["seconds_by_step"] = dg.MetadataValue.md(_steps(result.seconds))
    if result.errors:
        found["errors"] = dg.MetadataValue.md("\n".join(f"- {text}" for text in result.errors))
    return found


def _profit(result: AccountResult) -> Metadata:
    unrealised = result.unrealised_pnl
    return {
        "realised_pnl": format_price(result.realised_pnl),
        "unrealised_pnl": "a price is missing" if unrealised is None else format_price(unrealised),
        "regenerated": dg.MetadataValue.bool(result.positions_regenerated),
    }


def _table(rows: Sequence[Row]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord({name: row[name] for name in _COLUMNS if name in row})
            for row in rows[:MOST_ROWS]
        ]
    )


def _steps(seconds: Mapping[str, float]) -> str:
    lines = [f"| {step} | {taken:.3f} |" for step, taken in seconds.items()]
    return "\n".join(["| step | seconds |", "|---|---:|", *lines])


def tick_tags(summary: TickSummary) -> dict[str, str]:
    """Write what the list of runs shows of a tick, and finds it by, as tags for its run."""
    return {KIND: TICK, SHARD: summary.shard, TICK_ID: summary.tick_id}

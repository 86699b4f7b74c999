"""What the faces may ask about owners: strategies, claims, and how external orders found theirs.

What belongs here: keys of accounts and organizations, rows for people. What does not: the rules
(``domain.attribution``), giving orders away by hand (``services``).
"""

import re
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from tradesync_dagster.bootstrap.accounts import check_organization
from tradesync_dagster.bootstrap.reading import Reading
from tradesync_dagster.domain.accounts import NAME
from tradesync_dagster.domain.attribution import (
    AUTOMATIC_STRATEGY,
    VERSIONS,
    AttributionRules,
    Weights,
    decide_again,
)
from tradesync_dagster.domain.attribution_rows import Claim, Strategy
from tradesync_dagster.domain.errors import (
    ClaimNotFoundError,
    ConfigurationError,
    OrderNotFoundError,
)
from tradesync_dagster.domain.market_calendar import trade_date_of
from tradesync_dagster.domain.orders import OrderEvent
from tradesync_dagster.store.attribution import Attributions
from tradesync_dagster.sync.assigning import check_strategies

Rows = list[dict[str, Any]]


class Ownership(Reading):
    """Reads and changes what owners are found by."""

    __slots__ = ()

    def attribution_rules(self) -> AttributionRules:
        """Return the rules that syncs attribute by."""
        settings = self.settings
        return replace(
            VERSIONS[settings.attribution_rules],
            threshold=settings.confidence_threshold,
            automatic_strategy=AUTOMATIC_STRATEGY if settings.auto_create_strategy else "",
        )

    def strategies(self, organization: str | None = None) -> Rows:
        """List strategies, of one organization or of all."""
        wanted = None if organization is None else [organization]
        with self.store.reading() as connection:
            return [asdict(one) for one in Attributions(connection).strategies(wanted)]

    def add_strategy(self, organization: str, strategy_id: str, name: str = "") -> None:
        """Make a strategy known; one that is known already stays as it is.

        Raises:
            ConfigurationError: No account is of the organization, or the id cannot be one.
        """
        check_organization(self.store, organization)
        if not re.fullmatch(NAME, strategy_id):
            raise ConfigurationError(
                f"{strategy_id!r} cannot be a strategy's id: up to 64 letters, digits, '.', '_', "
                "'@' and '-' can, such as momentum"
            )
        made = Strategy(
            organization, strategy_id, name or strategy_id, automatic=False,
            created_at=self.clock.now(),
        )  # fmt: skip
        with self.store.writing() as connection:
            Attributions(connection).add_strategies([made])

    def claims(self, organization: str | None = None) -> Rows:
        """List claims; an account's is shown with its key, one of all accounts with none."""
        keys = {one.account_id: one.key for one in self.chosen(None)}
        wanted = None if organization is None else [organization]
        with self.store.reading() as connection:
            found = Attributions(connection).claims(wanted)
        return [
            {"claim_id": claim.claim_id}
            | asdict(claim)
            | {"account": "" if claim.account_id is None else keys[claim.account_id]}
            for claim in found
        ]

    def add_claim(self, where: str, strategy_id: str, instrument: str, who: str) -> UUID:
        """Claim an instrument for a strategy.

        Args:
            where: An organization, for all of its accounts, or ``ORG/ACCOUNT``.
            strategy_id: One of the organization's.
            instrument: ``EXCHANGE:SYMBOL``.
            who: Who says so.

        Returns:
            The claim's id.

        Raises:
            ConfigurationError: There is no such account, organization or strategy, or the
                instrument is none.
        """
        exchange, colon, symbol = instrument.partition(":")
        if not (exchange and colon and symbol):
            raise ConfigurationError(f"{instrument!r} is no EXCHANGE:SYMBOL, such as NSE:INFY")
        account = self.chosen(where)[0] if "/" in where else None
        organization = account.organization_id if account else where
        check_organization(self.store, organization)
        claim = Claim(
            organization, account.account_id if account else None, strategy_id, exchange, symbol,
            self.clock.now(), who,
        )  # fmt: skip
        with self.store.writing() as connection:
            rows = Attributions(connection)
            check_strategies(rows, organization, [strategy_id])
            rows.add_claim(claim)
        return claim.claim_id

    def remove_claim(self, claim_id: UUID, organization: str | None = None) -> None:
        """Take a claim back; orders that it has given away stay where they are.

        Args:
            claim_id: Which.
            organization: Whose it has to be, if given.

        Raises:
            ClaimNotFoundError: There is no such claim.
        """
        with self.store.writing() as connection:
            if not Attributions(connection).remove_claim(claim_id, organization):
                raise ClaimNotFoundError(
                    f"there is no claim {claim_id}; see them with: tradesync claims list"
                )

    def attribution(self, order_id: UUID, account: str | None = None) -> Rows:
        """Show the decisions on an order, newest first, with every strategy's points.

        Args:
            order_id: Which.
            account: Whose it has to be, if given.

        Raises:
            OrderNotFoundError: Nothing was decided on such an order.
        """
        ids = {one.account_id for one in self.chosen(account)}
        with self.store.reading() as connection:
            rows = Attributions(connection).decisions_on(order_id)
        rows = [row for row in rows if row["account_id"] in ids]
        if not rows:
            raise OrderNotFoundError(
                f"nothing was decided on an order {order_id}: only confirmed external orders are "
                "attributed; see them with: tradesync external --json"
            )
        return [_shown(row) for row in rows]

    def assignments(self, order_id: UUID, account: str | None = None) -> Rows:
        """Show how an order came to its owners, newest first: who changed them, when and why.

        Args:
            order_id: Which.
            account: Whose it has to be, if given.

        Raises:
            OrderNotFoundError: There is no such order.
        """
        ids = [one.account_id for one in self.chosen(account)]
        with self.store.look() as work:
            if not work.has_order(order_id, ids):
                raise OrderNotFoundError(
                    f"there is no order {order_id}; see orders with: tradesync orders --json"
                )
            events = work.owner_events([order_id]).get(order_id, [])
        return [_told(event) for event in reversed(events)]

    def try_attribution(
        self, rules: AttributionRules, account: str | None = None, days: int = 30
    ) -> tuple[int, Rows]:
        """Decide past external orders by other rules, from the evidence of then; write nothing.

        Args:
            rules: To be tried.
            account: Whose orders; all accounts' when not given.
            days: How many days back, today included.

        Returns:
            How many orders were tried, and those that would have another owner.
        """
        keys = {one.account_id: one.key for one in self.chosen(account)}
        since = trade_date_of(self.clock.now()) - timedelta(days=days - 1)
        with self.store.reading() as connection:
            rows = Attributions(connection).decisions_since(list(keys), since)
        latest = {row["order_id"]: row for row in sorted(rows, key=lambda r: r["decided_at"])}
        tried = [_tried(row, rules) for row in latest.values()]
        return len(tried), [
            {"account": keys[row["account_id"]]} | row
            for row in tried
            if row["would_be"] != row["decided"]
        ]


_ORDER = (
    "order_id", "account_id", "trade_date", "broker_order_id", "exchange", "symbol", "side",
    "quantity", "tag", "owner",
)  # fmt: skip
_PARTS = tuple(asdict(Weights()))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    parts = row["parts"]
    decided = ("version", "decided_at", "strategy_id", "score", "runner_up")
    return {
        **{name: row[name] for name in (*_ORDER, *decided)},
        **{name: parts[name] for name in ("reason", "automatic", "wanted", "threshold")},
        "candidates": [
            {"strategy_id": one["evidence"]["strategy_id"], "score": one["score"]}
            | {name: one["points"].get(name, 0) for name in _PARTS}
            | {"lacks_quantity": one["lacks_quantity"], "evidence": one["evidence"]}
            for one in parts["candidates"]
        ],
    }


def _told(event: OrderEvent) -> dict[str, Any]:
    said = event.detail
    return {
        "at": event.at.isoformat(),
        "kind": event.kind,
        "assignment_id": said.get("assignment"),
        "owner": said["to"],
        "parts": said.get("to_parts") or "",
        "owner_before": said.get("from") or "",
        "parts_before": said.get("from_parts") or "",
        "who": said.get("who") or f"attribution by rules {said.get('version')}",
        "why": said.get("why") or said.get("reason") or "",
        "score": said.get("score"),
        "short_allowed": said.get("short") == "allowed",
        "undoes": said.get("undoes"),
    }


def _tried(row: dict[str, Any], rules: AttributionRules) -> dict[str, Any]:
    parts = row["parts"]
    decision = decide_again(parts, rules)
    # What the automatic strategy took is nobody's by the evidence, then as now.
    decided = "" if parts["automatic"] else row["strategy_id"]
    return {
        **{name: row[name] for name in _ORDER},
        "decided": decided,
        "decided_score": row["score"],
        "decided_version": row["version"],
        "would_be": decision.strategy_id,
        "would_score": decision.score,
        "would_reason": decision.reason.value,
    }

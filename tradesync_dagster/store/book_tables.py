"""The tables of the books: fills, and all that is made from them.

Facts are never changed in place: ``fills``, ``corporate_actions``, ``conversions``,
``settlements``, ``opening_balances``, ``closing_prices``. Made from them, and made again at will:
``lots`` and ``position_days`` (for every past day, changes only), ``positions`` and ``holdings``
(as they stand now). What belongs here: columns, keys and indexes. What does not: how the books
are made (``domain``).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from tradesync_dagster.store.schema import UtcDateTime, account_key, json_type, metadata

fills = Table(
    "fills",
    metadata,
    account_key(),
    Column("trade_date", Date, primary_key=True),
    Column("fill_id", Text, primary_key=True),
    Column("trade_id", Text, nullable=False),
    Column("broker_order_id", Text, nullable=False),
    Column("exchange", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("filled_at", UtcDateTime, nullable=False),
    Column("isin", Text, nullable=False, server_default=""),
    Column("source", Text, nullable=False, server_default="broker"),
    # An annulled trade stays as evidence and counts for nothing.
    Column("annulled_at", UtcDateTime),
    Index(None, "account_id", "symbol", "trade_date"),
)

fill_corrections = Table(
    "fill_corrections",
    metadata,
    account_key(),
    Column("trade_date", Date, primary_key=True),
    Column("fill_id", Text, primary_key=True),
    Column("corrected_at", UtcDateTime, primary_key=True),
    Column("before", json_type(), nullable=False),
    Column("after", json_type()),
    Column("reason", Text, nullable=False),
    Column("who", Text, nullable=False),
)

instruments = Table(
    "instruments",
    metadata,
    Column("exchange", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("isin", Text, nullable=False, server_default=""),
    Column("expiry", Date),
    Column("multiplier", BigInteger, nullable=False, server_default=text("1")),
    Column("last_price", BigInteger),
    Column("priced_at", UtcDateTime),
)

closing_prices = Table(
    "closing_prices",
    metadata,
    Column("exchange", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("trade_date", Date, primary_key=True),
    Column("price", BigInteger, nullable=False),
)

opening_balances = Table(
    "opening_balances",
    metadata,
    account_key(),
    Column("exchange", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("isin", Text, nullable=False),
    # What the account held when this trading day began, as the broker said.
    Column("trade_date", Date, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    # Of it, bought the day before and not yet delivered.
    Column("t1_quantity", BigInteger, nullable=False),
    Column("average_price", BigInteger, nullable=False),
)

corporate_actions = Table(
    "corporate_actions",
    metadata,
    Column("isin", Text, primary_key=True),
    Column("ex_date", Date, primary_key=True),
    Column("kind", Text, primary_key=True),
    # So many shares after for so many before.
    Column("shares_after", BigInteger, nullable=False),
    Column("shares_before", BigInteger, nullable=False),
    Column("new_isin", Text, nullable=False, server_default=""),
)

conversions = Table(
    "conversions",
    metadata,
    account_key(),
    Column("conversion_id", Text, primary_key=True),
    Column("trade_date", Date, nullable=False),
    Column("exchange", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("from_product", Text, nullable=False),
    Column("to_product", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("overnight", Boolean, nullable=False),
)

settlements = Table(
    "settlements",
    metadata,
    Column("exchange", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("expiry", Date, nullable=False),
    Column("price", BigInteger, nullable=False),
)

lots = Table(
    "lots",
    metadata,
    account_key(),
    # Empty for the account's own books; a strategy's are kept the same way beside them.
    Column("strategy_id", Text, primary_key=True),
    Column("instrument", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("trade_date", Date, primary_key=True),
    Column("fill_id", Text, primary_key=True),
    Column("piece", Integer, primary_key=True),
    # Open with this quantity at the end of each day from held_from until before held_to, which is
    # domain.book_days.STILL_OPEN of a lot that is open now.
    Column("held_from", Date, primary_key=True),
    Column("held_to", Date, nullable=False),
    Column("exchange", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("price", BigInteger, nullable=False),
    Index(None, "account_id", "held_to", "held_from"),
)

position_days = Table(
    "position_days",
    metadata,
    account_key(),
    Column("strategy_id", Text, primary_key=True),
    Column("instrument", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("trade_date", Date, primary_key=True),
    Column("exchange", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    # Signed: what the open units cost, or for a short brought in.
    Column("cost", Text, nullable=False),
    Column("realised_pnl", Text, nullable=False),
    Column("wins", BigInteger, nullable=False),
    Column("losses", BigInteger, nullable=False),
    Index(None, "account_id", "trade_date"),
)

generations = Table(
    "generations",
    metadata,
    Column("account_id", Integer, ForeignKey("accounts.account_id"), primary_key=True),
    # When positions and holdings were last made in full, and what has changed since.
    Column("generated_at", UtcDateTime),
    Column("stale_from", Date),
    # The first trading day whose opening balances are known.
    Column("opened_on", Date),
    # The first day whose books changed since their days were last shown, and how often any did.
    Column("changed_from", Date),
    Column("changes", Integer, nullable=False, server_default=text("0")),
)

positions = Table(
    "positions",
    metadata,
    account_key(),
    Column("exchange", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("quantity", BigInteger, nullable=False),
    Column("average_price", BigInteger, nullable=False),
    Column("buy_quantity", BigInteger, nullable=False),
    Column("sell_quantity", BigInteger, nullable=False),
    Column("multiplier", BigInteger, nullable=False),
    Column("realised_pnl", Text, nullable=False),
    Column("unrealised_pnl", Text),
    Column("last_price", BigInteger),
    # Units whose cost is the broker's average, their trades being unknown.
    Column("assumed_quantity", BigInteger, nullable=False, server_default=text("0")),
)

holdings = Table(
    "holdings",
    metadata,
    account_key(),
    Column("exchange", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("isin", Text, nullable=False, server_default=""),
    Column("quantity", BigInteger, nullable=False),
    Column("t1_quantity", BigInteger, nullable=False),
    Column("average_price", BigInteger, nullable=False),
    Column("unrealised_pnl", Text),
    Column("last_price", BigInteger),
    # Units whose cost is the broker's average, their trades being unknown.
    Column("assumed_quantity", BigInteger, nullable=False, server_default=text("0")),
)

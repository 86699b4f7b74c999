"""The shape of the answers, the same keys and texts as the command line's ``--json``.

What belongs here: one model a row, and the one form that all failures have. What does not: making
the rows (``bootstrap.reading``).
"""

from typing import Annotated

from pydantic import BaseModel, Field, JsonValue

from tradesync_dagster.api.values import DayText, Moment, Money

AccountKey = Annotated[str, Field(description="`ORG/ACCOUNT`.", examples=["acme/main"])]


class Order(BaseModel):
    """An order, ours or external."""

    account: AccountKey
    order_id: str
    trade_date: DayText
    broker_order_id: str
    exchange_order_id: str
    parent_order_id: str
    client_order_id: str
    origin: Annotated[str, Field(examples=["external"])]
    status: str
    status_word: Annotated[str, Field(description="The broker's own word.")]
    exchange: str
    symbol: str
    product: str
    side: str
    order_type: str
    validity: str
    variety: str
    quantity: int
    filled_quantity: int
    pending_quantity: int
    cancelled_quantity: int
    price: Money
    trigger_price: Money
    average_price: Money
    placed_at: Moment
    updated_at: Moment
    tag: str
    message: str
    first_seen_at: Moment
    last_seen_at: Moment
    strategy_id: Annotated[str, Field(description="Empty for no strategy.")]
    confidence: int | None
    failure_reason: str | None
    first_failed_at: Moment | None
    last_retry_attempt: Moment | None
    retry_count: int
    rejection_reason: str | None
    cancelled_reason: str | None
    last_status_check: Moment | None
    execution_price: Money | None
    execution_qty: int | None
    execution_time: Moment | None


class Priced(BaseModel):
    """What positions and holdings share."""

    account: AccountKey
    exchange: str
    symbol: str
    product: str
    quantity: int
    average_price: Money
    unrealised_pnl: Annotated[Money | None, Field(description="`null` where no price is known.")]
    last_price: Money | None
    assumed_quantity: Annotated[
        int, Field(description="Units whose cost is the broker's average, not that of trades.")
    ]


class Position(Priced):
    """A position by FIFO."""

    buy_quantity: int
    sell_quantity: int
    multiplier: int
    realised_pnl: Money


class Holding(Priced):
    """A holding."""

    isin: str
    t1_quantity: int


class Metrics(BaseModel):
    """How an account or one of its strategies did."""

    account: AccountKey
    strategy_id: Annotated[str | None, Field(description="`null` for the account's own books.")]
    realised_pnl: Money
    unrealised_pnl: Money
    total_pnl: Money
    win_rate: Annotated[str | None, Field(description="Per cent, as decimal text.")]
    wins: int
    losses: int
    exposure: Money
    drawdown: Money
    positions: int
    holdings: int
    unpriced: int


class Break(BaseModel):
    """A difference between the books and the broker's own figures."""

    account: AccountKey
    kind: str
    subject: str
    state: Annotated[str, Field(examples=["open"])]
    owner: str
    first_seen_at: Moment
    last_seen_at: Moment
    seen_count: int
    evidence: dict[str, JsonValue]
    note: str


class Launched(BaseModel):
    """A run of Dagster that was started."""

    run_id: str
    url: Annotated[str, Field(description="Where people see the run.")]
    accounts: list[AccountKey]


class Assigned(BaseModel):
    """What became of an assignment."""

    changed: Annotated[int, Field(description="Orders that were not the strategy's before.")]


class Health(BaseModel):
    """That the service is well."""

    status: Annotated[str, Field(examples=["ok"])]


class Found(BaseModel):
    """One thing that is wrong with a request."""

    where: Annotated[str, Field(examples=["query.days"])]
    what: str


class Problem(BaseModel):
    """Why a request was not answered."""

    detail: Annotated[str, Field(description="One sentence.")]
    problems: Annotated[list[Found], Field(description="Each thing that is malformed.")] = []

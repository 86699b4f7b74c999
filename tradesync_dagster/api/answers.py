"""The shape of the answers, the same keys and texts as the command line's ``--json``.

What belongs here: one model a row, and the one form that all failures have. What does not: making
the rows (``bootstrap.reading``).
"""

from typing import Annotated

from pydantic import BaseModel, Field, JsonValue

from tradesync_dagster.api.values import DayText, Moment, Money

AccountKey = Annotated[str, Field(description="`ORG/ACCOUNT`.", examples=["acme/main"])]


class Part(BaseModel):
    """Units of an order that are one strategy's."""

    strategy_id: str
    quantity: int


class Preference(BaseModel):
    """Which events of orders a recipient is told."""

    to: Annotated[str, Field(description="`rabbitmq`, or the place of an address, from 1.")]
    placed: bool
    rejected: bool
    cancelled: bool
    executed: bool
    modified: bool
    retry_queue: bool


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
    resolved_at: Annotated[
        Moment | None, Field(description="When it was seen to be gone; `null` while it is not.")
    ]
    age_seconds: Annotated[
        int,
        Field(ge=0, description="From when it was first seen until it was gone, or until now."),
    ]


class Answer(BaseModel):
    """What one answer of a broker was, and what became of it."""

    kind: Annotated[str, Field(examples=["orders"])]
    outcome: Annotated[str, Field(examples=["complete"])]
    rows: Annotated[int | None, Field(description="`null`: the same answer as before, not read.")]
    rejects: Annotated[int, Field(description="Rows that could not be read.")]
    requested_at: Moment
    seconds: str
    decision: Annotated[str, Field(examples=["applied"])]
    payload_hash: Annotated[str, Field(description="Empty where nothing came.")] = ""
    error: Annotated[str, Field(description="The kind of error; empty for none.")] = ""
    reason: Annotated[str, Field(description="Why the order book was quarantined.")] = ""


class Look(BaseModel):
    """One look at an account: what was asked, what came, what was decided."""

    account: AccountKey
    asked_at: Moment
    tick_id: str
    complete: Annotated[bool, Field(description="Every answer whole, no row refused.")]
    candidates: int
    confirmed: int
    answers: list[Answer]


class Launched(BaseModel):
    """A run of Dagster that was started."""

    run_id: str
    url: Annotated[str, Field(description="Where people see the run.")]
    accounts: list[AccountKey]
    warning: Annotated[
        str | None, Field(description="Why the run will not start now; `null` where it will.")
    ]


class Assigned(BaseModel):
    """What became of an assignment, or of undoing one."""

    changed: Annotated[int, Field(description="Orders that had other owners before.")]
    order_ids: Annotated[list[str], Field(description="Those orders.")]
    assignment_id: Annotated[
        str | None, Field(description="By which it can be undone; `null` where nothing changed.")
    ]


class Assignment(BaseModel):
    """One change of an order's owners."""

    at: Moment
    kind: Annotated[str, Field(examples=["attributed", "assigned", "assignment_undone"])]
    assignment_id: str | None
    owner: Annotated[str, Field(description="Of what no part takes; empty for nobody.")]
    parts: Annotated[str, Field(examples=["alpha=60,beta=40"])]
    owner_before: str
    parts_before: str
    who: str
    why: str
    score: int | None
    short_allowed: bool
    undoes: Annotated[str | None, Field(description="An `assignment_id`.")]


class Evidence(BaseModel):
    """What was known of a strategy beside an order."""

    strategy_id: str
    named: bool
    claimed: bool
    held: Annotated[int, Field(description="Open units that the order's side reduces.")]
    days_since: int | None
    product_percent: int
    minutes_off: int | None
    size_percent: int | None


class Candidate(BaseModel):
    """A strategy's points, part by part."""

    strategy_id: str
    score: int
    tag: int
    claim: int
    position: int
    activity: int
    product: int
    time: int
    size: int
    lacks_quantity: bool
    evidence: Evidence


class Decision(BaseModel):
    """How an external order found its owner, or why it found none."""

    order_id: str
    trade_date: DayText
    broker_order_id: str
    exchange: str
    symbol: str
    side: str
    quantity: int
    tag: str
    owner: Annotated[str, Field(description="Now; empty for nobody.")]
    version: Annotated[str, Field(description="Of the rules.")]
    decided_at: Moment
    strategy_id: Annotated[str, Field(description="As decided; empty for nobody.")]
    score: int
    runner_up: str
    reason: Annotated[str, Field(examples=["assigned", "too_close"])]
    automatic: bool
    wanted: Annotated[int, Field(description="The units that the order needed.")]
    threshold: int
    candidates: list[Candidate]


class Strategy(BaseModel):
    """Who can own orders."""

    organization_id: str
    strategy_id: str
    name: str
    automatic: Annotated[bool, Field(description="Takes only what nobody owns.")]
    created_at: Moment


class Claim(BaseModel):
    """Somebody's word that an instrument is a strategy's."""

    claim_id: str
    organization_id: str
    account: Annotated[str, Field(description="`ORG/ACCOUNT`; empty for all accounts.")]
    strategy_id: str
    exchange: str
    symbol: str
    created_at: Moment
    who: str


class Removed(BaseModel):
    """What was taken back."""

    claim_id: str


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

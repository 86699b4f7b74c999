"""The errors that tradesync raises on purpose.

Each says what is wrong, where, and what to do about it, and never carries a token::

    TradesyncError
    |-- ValueRefusedError         a value that the books cannot hold exactly
    |   `-- ScheduleRefusedError  a schedule that would not hold together
    |-- ConfigurationError        a setting, an account or a server that is not as it must be
    |   |-- UnknownBrokerError
    |   |-- AccountNotFoundError
    |   |-- OrderNotFoundError
    |   |-- BreakNotFoundError
    |   |-- StrategyNotFoundError
    |   |-- ClaimNotFoundError
    |   |-- AssignmentRefusedError  the order as it is now cannot be given away so
    |   |-- MessagesStalledError    RabbitMQ takes nothing and lets us wait for it
    |   |-- StoreAwayError      the books' database cannot be reached, or went away
    |   `-- NotMigratedError
    |-- PlacementRefusedError     our own limits or switches say no; nothing was sent
    |-- TaskFailedError           a task of the desk could not do all of its work
    |-- StoreError                the database refused what was written
    |   `-- StoreBusyError        somebody else's transaction came between; try again
    |-- FileRefusedError          a file that cannot be read as what it was given for
    `-- BrokerError               the broker did not do what was asked
        |-- SessionExpiredError   log in again
        |-- RateLimitedError      ask less often; not carried out
        |-- OrderRejectedError    the broker's risk checks said no, with its reason and amounts
        |-- RefusedRequestError   the request itself was wrong
        |-- BrokerUnavailableError    no answer, or a server error; reads may be tried again
        |   `-- BreakerOpenError  not even asked: the broker's last calls all failed
        `-- UnreadableAnswerError     an answer that is not what the broker documents

A placement that ended in ``BrokerUnavailableError`` may exist, unless the error says that it was
never sent; one that ended in ``UnreadableAnswerError`` may exist. After the others it does not.

What belongs here: classes that callers tell apart. What does not: formatting for one screen.
"""

from collections.abc import Sequence


class TradesyncError(Exception):
    """Root of every error that tradesync raises on purpose."""


class ValueRefusedError(TradesyncError, ValueError):
    """A value that the books cannot hold exactly; it is quarantined, never rounded."""


class ScheduleRefusedError(ValueRefusedError):
    """A schedule would not hold together as changed, such as one that ends before it starts."""


class ConfigurationError(TradesyncError):
    """A setting, an account or a server is not as it must be."""


class MessagesStalledError(ConfigurationError):
    """The messages' server is there and takes nothing: trying again would only wait as long."""

    def __init__(self, sentence: str, confirmed: Sequence[str] = ()) -> None:
        """Say what happened.

        Args:
            sentence: For people.
            confirmed: The ids of the messages that it took before.
        """
        super().__init__(sentence)
        self.confirmed = tuple(confirmed)


class UnknownBrokerError(ConfigurationError):
    """An account names a broker that no adapter serves."""


class AccountNotFoundError(ConfigurationError):
    """No account has that ORG/ACCOUNT key."""


class OrderNotFoundError(ConfigurationError):
    """The account has no order of that id."""


class BreakNotFoundError(ConfigurationError):
    """The account has no such break, or it is gone."""


class StrategyNotFoundError(ConfigurationError):
    """The organization has no such strategy; nobody has added it."""


class ClaimNotFoundError(ConfigurationError):
    """There is no such claim, or it was taken back."""


class AssignmentRefusedError(ConfigurationError):
    """An order cannot be given away, or given back, as the books stand; nothing was changed."""


class NotMigratedError(ConfigurationError):
    """The database's schema is not the one this version works with."""


class StoreAwayError(ConfigurationError):
    """The books' database cannot be reached, or went away on the way; trying again may help."""


class PlacementRefusedError(TradesyncError):
    """Our own limits, switches or halts do not let an order out; nothing was sent or kept."""


class TaskFailedError(TradesyncError):
    """A task of the desk could not do all of its work; the rest of it is done.

    Attributes:
        detail: What was done, JSON-ready.
    """

    def __init__(self, words: str, detail: "dict[str, object] | None" = None) -> None:
        """Keep what was done beside the sentence."""
        super().__init__(words)
        self.detail = detail or {}


class StoreError(TradesyncError):
    """The database refused a transaction; nothing of it was kept."""


class StoreBusyError(StoreError):
    """Another transaction came between, and the database chose this one to give way."""


class FileRefusedError(TradesyncError):
    """A file that cannot be read as what it was given for; nothing of it was kept."""


class BrokerError(TradesyncError):
    """The broker did not do what was asked.

    Attributes:
        broker: The broker's name, such as ``ZERODHA``.
        endpoint: The call that failed, such as ``orders``.
    """

    def __init__(self, broker: str, endpoint: str, what: str) -> None:
        """Keep the place of the failure beside its sentence.

        Args:
            broker: The broker's name.
            endpoint: The call that failed.
            what: One sentence without credentials.
        """
        super().__init__(f"{broker} {endpoint}: {what}")
        self.broker = broker
        self.endpoint = endpoint


class SessionExpiredError(BrokerError):
    """The access token is dead: log in again."""


class RateLimitedError(BrokerError):
    """The broker asks for fewer requests; it did not carry out this one.

    Attributes:
        retry_after: Seconds that the broker asks to wait; ``None`` where it does not say.
    """

    def __init__(
        self, broker: str, endpoint: str, what: str, retry_after: float | None = None
    ) -> None:
        """Keep the wait beside the sentence; see ``BrokerError``."""
        super().__init__(broker, endpoint, what)
        self.retry_after = retry_after


class OrderRejectedError(BrokerError):
    """The broker's risk checks refused an order.

    Attributes:
        reason: The broker's own words, without credentials.
        required: Margin that the order needs, in millionths; ``None`` where the words do not say.
        available: Margin that there is.
        shortfall: What is missing.
    """

    def __init__(
        self,
        broker: str,
        endpoint: str,
        what: str,
        *,
        reason: str = "",
        required: int | None = None,
        available: int | None = None,
        shortfall: int | None = None,
    ) -> None:
        """Keep the reason and its amounts; ``margin_texts`` reads them. See ``BrokerError``."""
        super().__init__(broker, endpoint, what)
        self.reason = reason
        self.required = required
        self.available = available
        self.shortfall = shortfall


class RefusedRequestError(BrokerError):
    """The request itself was wrong, and would be wrong again."""


class BrokerUnavailableError(BrokerError):
    """No answer in time, a connection lost, or a server error.

    Attributes:
        sent: Whether the request may have reached the broker; ``False`` only where it provably
            never left, so that a placement may be made again.
    """

    def __init__(self, broker: str, endpoint: str, what: str, *, sent: bool = True) -> None:
        """Keep what is known of the request; see ``BrokerError``."""
        super().__init__(broker, endpoint, what)
        self.sent = sent


class BreakerOpenError(BrokerUnavailableError):
    """The broker was not asked, because its last calls failed one after another.

    Attributes:
        retry_after: Seconds until it is asked again.
    """

    def __init__(self, broker: str, endpoint: str, what: str, retry_after: float) -> None:
        """Keep the wait; nothing was sent. See ``BrokerError``."""
        super().__init__(broker, endpoint, what, sent=False)
        self.retry_after = retry_after


class UnreadableAnswerError(BrokerError):
    """An answer that is not what the broker documents; never an empty book."""

"""The errors that tradesync raises on purpose.

Each says what is wrong, where, and what to do about it, and never carries a token::

    TradesyncError
    |-- ValueRefusedError         a value that the books cannot hold exactly
    |-- ConfigurationError        a setting, an account or a server that is not as it must be
    |   |-- UnknownBrokerError
    |   |-- AccountNotFoundError
    |   `-- NotMigratedError
    |-- StoreError                the database refused what was written
    `-- BrokerError               the broker did not do what was asked
        |-- SessionExpiredError   log in again
        |-- RateLimitedError      ask less often
        |-- OrderRejectedError    the broker's risk checks said no, with its reason
        |-- RefusedRequestError   the request itself was wrong
        |-- BrokerUnavailableError    no answer, or a server error; reads may be tried again
        `-- UnreadableAnswerError     an answer that is not what the broker documents

What belongs here: classes that callers tell apart. What does not: formatting for one screen.
"""


class TradesyncError(Exception):
    """Root of every error that tradesync raises on purpose."""


class ValueRefusedError(TradesyncError, ValueError):
    """A value that the books cannot hold exactly; it is quarantined, never rounded."""


class ConfigurationError(TradesyncError):
    """A setting, an account or a server is not as it must be."""


class UnknownBrokerError(ConfigurationError):
    """An account names a broker that no adapter serves."""


class AccountNotFoundError(ConfigurationError):
    """No account has that ORG/ACCOUNT key."""


class NotMigratedError(ConfigurationError):
    """The database's schema is not the one this version works with."""


class StoreError(TradesyncError):
    """The database refused a transaction; nothing of it was kept."""


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
    """The broker asks for fewer requests."""


class OrderRejectedError(BrokerError):
    """The broker's risk checks refused an order, with its reason."""


class RefusedRequestError(BrokerError):
    """The request itself was wrong, and would be wrong again."""


class BrokerUnavailableError(BrokerError):
    """No answer in time, a connection lost, or a server error."""


class UnreadableAnswerError(BrokerError):
    """An answer that is not what the broker documents; never an empty book."""

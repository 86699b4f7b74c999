"""Looks that a broker's own message asks for: at once, and never more than needed.

A message is a hint. However many come for an account, one look is under way and at most one waits
to follow it; one that is lost is made up for by the next cycle of the monitor. What belongs here:
whose message it is, and the threads that look. What does not: how a broker signs
(``brokers.zerodha_postback``), what a look does (``sync.monitoring``).
"""

import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from tradesync_dagster.bootstrap.services import Services
from tradesync_dagster.brokers.zerodha_postback import is_genuine
from tradesync_dagster.domain.errors import TradesyncError

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 4
"""Most accounts that are looked at at the same time."""


@dataclass(slots=True)
class Hints:
    """Takes brokers' messages.

    Attributes:
        services: Of the desk.
    """

    services: Services
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_AT_ONCE, "tradesync-hints"), repr=False
    )
    _lock: Lock = field(default_factory=Lock, repr=False)
    _looking: dict[str, bool] = field(default_factory=dict)
    """By account that is looked at, or waits for it: whether to look once more after that."""

    def kite(self, account_key: str, body: bytes) -> bool:
        """Take a postback of Kite, and look at the account's orders soon if it is genuine.

        Args:
            account_key: ``ORG/ACCOUNT``.
            body: As it came.

        Returns:
            Whether it is: the same for a wrong signature and for an account that is not there.
        """
        found = self.services.store.account(account_key)
        secret = "" if found is None else found.credentials.get("api_secret", "")
        genuine = is_genuine(body, secret or secrets.token_hex(16))
        if genuine:
            self.look_at(account_key)
        return genuine

    def look_at(self, key: str) -> None:
        """Look at an account's orders soon; it does not wait for that.

        Args:
            key: ``ORG/ACCOUNT``.
        """
        with self._lock:
            if key in self._looking:
                self._looking[key] = True
                return
            self._looking[key] = False
        self._threads.submit(copy_context().run, self._look, key)

    def _look(self, key: str) -> None:
        try:
            self._look_while_asked(key)
        except BaseException as error:
            _log.error("looks at %s failed: %s", key, type(error).__name__, extra={"account": key})
            with self._lock:
                del self._looking[key]  # or nobody would look at it ever again
            raise

    def _look_while_asked(self, key: str) -> None:
        again = True
        while again:
            try:
                cycle = self.services.monitoring().cycle([key])
                for sentence in (*cycle.errors.get(key, ()), *cycle.publish_errors):
                    _log.warning("look at %s: %s", key, sentence, extra={"account": key})
            except TradesyncError as error:  # the monitor's next cycle looks again
                _log.warning("no look at %s: %s", key, error, extra={"account": key})
            with self._lock:
                again = self._looking[key]
                if again:
                    self._looking[key] = False
                else:
                    del self._looking[key]

    def close(self) -> None:
        """Let looks under way end, and begin no other."""
        self._threads.shutdown(cancel_futures=True)

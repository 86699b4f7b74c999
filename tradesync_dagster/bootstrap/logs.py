"""The log, as lines for people or for programs, with no secret in it.

What belongs here: its form, what is struck out, and what a tick writes. What does not: where lines
go (stderr, and from there wherever the process's output goes), what Dagster keeps of runs.
"""

import json
import logging
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from tradesync_dagster.domain.orders import Order
from tradesync_dagster.domain.results import TickSummary
from tradesync_dagster.settings import Settings

FIELDS = ("account", "run", "tick", "shard", "order", "status", "seconds")
"""What a line may tell beside its sentence: ``extra`` of logging calls, by these names."""
STRUCK_OUT = "***"
_USER_INFO = re.compile(r"(?<=://)[^\s/@]+(?=@)")
_BEARER = re.compile(r"(?i)\b(bearer|token)(\s+)[A-Za-z0-9._~+/:=-]{8,}")
_SHORTEST = 6
"""Shorter secrets may stand in any text by chance."""

_log = logging.getLogger(__name__)


class JsonLines(logging.Formatter):
    """Writes a record as one JSON object on one line."""

    def __init__(self, run: str = "") -> None:
        """Know the run of Dagster whose process this is, if it is one's."""
        super().__init__()
        self._run = {"run": run} if run else {}

    def format(self, record: logging.LogRecord) -> str:
        """Write the record; times are UTC."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= self._run
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class Scrubbing(logging.Formatter):
    """Strikes secrets out of what another formatter writes, tracebacks included."""

    def __init__(self, form: logging.Formatter, secrets: Iterable[str]) -> None:
        """Know what must not be written.

        Args:
            form: Writes the line.
            secrets: Texts; the very short ones are left alone.
        """
        super().__init__()
        self._form = form
        known = {one for one in secrets if len(one) >= _SHORTEST}
        words = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
        self._known = re.compile(words) if words else None

    def format(self, record: logging.LogRecord) -> str:
        """Write the record without secrets."""
        line = self._form.format(record)
        if self._known is not None:
            line = self._known.sub(STRUCK_OUT, line)
        line = _USER_INFO.sub(STRUCK_OUT, line)
        return _BEARER.sub(rf"\1\2{STRUCK_OUT}", line)


def configure_logs(settings: Settings, servers: Iterable[str] = (), *, run: str = "") -> None:
    """Give the process's log its form; again, it changes nothing.

    Args:
        settings: Which form, and the secrets.
        servers: Loggers of others in this process that have handlers of their own.
        run: The id of the run of Dagster that this process serves, for every line.
    """
    ours = logging.getLogger("tradesync_dagster")
    ours.setLevel(logging.INFO)
    handler = next((one for one in ours.handlers if one.name == __name__), None)
    if handler is None:
        handler = logging.StreamHandler()
        handler.name = __name__
        ours.addHandler(handler)
    secrets = list(_secrets(settings))
    plain = logging.Formatter("%(levelname)s %(name)s: %(message)s")
    json_lines = settings.log_format == "json"
    handler.setFormatter(Scrubbing(JsonLines(run) if json_lines else plain, secrets))
    for name in servers:
        for one in logging.getLogger(name).handlers:
            form = JsonLines(run) if json_lines else one.formatter or plain
            one.setFormatter(form if isinstance(form, Scrubbing) else Scrubbing(form, secrets))


def _secrets(settings: Settings) -> Iterator[str]:
    """Give the secrets of the settings, and the passwords in their addresses."""
    held = (
        settings.database_url, settings.redis_url, settings.rabbitmq_url, settings.notify_urls,
        settings.secret_keys,
    )  # fmt: skip
    for text in (one.get_secret_value() for one in held if one is not None):
        for part in re.split(r"[,\s]+", text):
            yield part
            password = _password(part)
            yield from (password, unquote(password))


def _password(address: str) -> str:
    try:
        return urlsplit(address).password or ""
    except ValueError:
        return ""


def log_order(account: str, order: Order) -> None:
    """Write what became of an order that somebody acted on.

    Args:
        account: Its ``ORG/ACCOUNT``.
        order: As the act left it.
    """
    _log.info(
        "%s: order %s is %s",
        account,
        order.order_id,
        order.status.value,
        extra={"account": account, "order": str(order.order_id), "status": order.status.value},
    )


def log_tick(summary: TickSummary) -> None:
    """Write what a tick came to: a line for it, and one for each error.

    Args:
        summary: The tick.
    """
    of = {"tick": summary.tick_id, "shard": summary.shard}
    for result in summary.results:
        for sentence in result.errors:
            _log.warning("%s: %s", result.account, sentence, extra=of | {"account": result.account})
    for sentence in summary.publish_errors:
        _log.warning("%s", sentence, extra=of)
    _log.info(
        "tick of %d accounts: %s",
        len(summary.results),
        summary.status,
        extra=of | {"status": summary.status, "seconds": f"{summary.seconds:.2f}"},
    )

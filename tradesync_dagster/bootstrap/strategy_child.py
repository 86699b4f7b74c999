"""Asks one strategy, in a process that may hang, crash or grow: a program of ``strategy_process``.

Standard input has a line of JSON, then a pickled ``View``. Standard output gets an empty line once
all is ready for the strategy, then its wishes, or why there are none, as JSON. What belongs here:
that conversation. What does not: making, asking and checking a strategy (``sync.tasks.asking``).
"""

import json
import os
import pickle
import signal
import sys
from dataclasses import astuple
from typing import Any

_SPARE_SECONDS = 30


def main() -> None:
    """Answer once; whatever the strategy prints goes to standard error."""
    with os.fdopen(os.dup(1), "wb") as answer:
        os.dup2(2, 1)
        asked: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
        sys.path[:] = asked["path"]
        from tradesync_dagster.domain.errors import TradesyncError  # noqa: PLC0415 - by that path
        from tradesync_dagster.sync.tasks.asking import ask  # noqa: PLC0415

        view = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 - of the process that began this
        # Where that one was killed meanwhile, nobody else ends a strategy that hangs.
        signal.alarm(asked["seconds"] + _SPARE_SECONDS)
        answer.write(b"\n")
        answer.flush()
        try:
            wishes = ask(asked["name"], asked["place"], view)
            told: dict[str, Any] = {"wishes": [astuple(one) for one in wishes]}
        except TradesyncError as error:
            told = {"refused": str(error)}
        answer.write(json.dumps(told).encode())


if __name__ == "__main__":
    main()

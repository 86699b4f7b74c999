"""How fast brokers answer, as Dagster shows and plots it.

What belongs here: metadata. What does not: measuring (``brokers.timings``).
"""

from collections.abc import Sequence

import dagster as dg

from tradesync_dagster.domain.results import ResponseTime


def response_metadata(times: Sequence[ResponseTime]) -> dict[str, dg.MetadataValue]:
    """Write response times as metadata.

    Args:
        times: By broker and endpoint.

    Returns:
        Each broker's mean in milliseconds under a name of its own, so that it is plotted over
        time, and a table of all endpoints; nothing if nothing was asked.
    """
    if not times:
        return {}
    return {
        **{f"{broker.lower()}_ms": _mean(times, broker) for broker in _brokers(times)},
        "response_times": dg.MetadataValue.table(
            [
                dg.TableRecord(
                    {
                        "broker": one.broker,
                        "endpoint": one.endpoint,
                        "calls": one.count,
                        "failures": one.failures,
                        "mean_ms": round(1000 * one.mean_seconds),
                        "max_ms": round(1000 * one.max_seconds),
                    }
                )
                for one in times
            ]
        ),
    }


def _brokers(times: Sequence[ResponseTime]) -> list[str]:
    return sorted({one.broker for one in times})


def _mean(times: Sequence[ResponseTime], broker: str) -> dg.MetadataValue:
    own = [one for one in times if one.broker == broker]
    total = sum(one.count * one.mean_seconds for one in own)
    return dg.MetadataValue.float(round(1000 * total / sum(one.count for one in own), 1))

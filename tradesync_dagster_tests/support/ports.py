"""Ports for servers that tests start, which nobody else takes before they listen.

A port that the system names is free at that moment only: connections and other tests' servers get
the next ones from the same range. So each process of tests has a block of its own outside it.
"""

import socket
from functools import cache
from itertools import cycle

_BLOCKS = range(20_000, 32_000, 200)
"""Below what Linux gives to connections (32768 and above)."""
_HELD: list[socket.socket] = []


@cache
def _ports() -> "cycle[int]":
    """Take a block by binding its first port, which is kept for as long as the process lives."""
    for first in _BLOCKS:
        holder = socket.socket()
        try:
            holder.bind(("127.0.0.1", first))
        except OSError:
            holder.close()
            continue
        _HELD.append(holder)
        return cycle(range(first + 1, first + _BLOCKS.step))
    raise RuntimeError(f"every block of ports from {_BLOCKS.start} is in use")


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses, the one unused for longest."""
    for port in _ports():
        with socket.socket() as probe:
            # As servers do: what is left of their connections keeps no port from the next one.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("unreachable: a cycle does not end")


def free_ports(count: int) -> list[int]:
    """Return several, all different."""
    return [free_port() for _ in range(count)]

"""All benchmarks in one run: ``make bench``."""

from benchmarks import (
    books,
    brokers,
    external,
    fifo,
    http_clients,
    moderation,
    monitor,
    overview,
    sync,
    ticks,
)


def main() -> None:
    """Print every figure, side by side."""
    for title, run in (
        ("FIFO", fifo.run),
        ("Books", books.run),
        ("Brokers", brokers.run),
        ("External orders", external.run),
        ("One sync", sync.run),
        ("Ticks of many accounts", ticks.run),
        ("The order monitor", monitor.run),
        ("Moderation", moderation.run),
        ("The overview under load", overview.run),
    ):
        print(f"\n{title}")
        for name, figure in run():
            print(f"  {name}: {figure}")
    print("\nHTTP clients")
    http_clients.main()


if __name__ == "__main__":
    main()

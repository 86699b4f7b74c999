"""All benchmarks in one run: ``make bench``."""

from benchmarks import books, brokers, fifo, http_clients, sync


def main() -> None:
    """Print every figure, side by side."""
    for title, run in (
        ("FIFO", fifo.run),
        ("Books", books.run),
        ("Brokers", brokers.run),
        ("One sync", sync.run),
    ):
        print(f"\n{title}")
        for name, figure in run():
            print(f"  {name}: {figure}")
    print("\nHTTP clients")
    http_clients.main()


if __name__ == "__main__":
    main()

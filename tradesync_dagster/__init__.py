"""tradesync: keeps a trading desk's books true, as Dagster assets."""

"""The Dagster face: translates between Dagster and the use-cases, and decides nothing."""

"""The use-cases: what a sync does, step by step, over ports and never over drivers."""

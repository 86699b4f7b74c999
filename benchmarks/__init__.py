"""Side-by-side figures, one command: ``make bench``."""

"""The rules of the books: pure values and functions, with no I/O and no clock of their own."""

"""Trade histories that brokers let people download: one reader a format, one way to open them."""

"""Brokers: one transport, one file a broker, and the simulated exchange."""

"""The simulated exchange: a real HTTP server, one market that speaks every broker's wire format.

Outside this package use `server.ExchangeConfig`, `server.create_app`, `server.serve` and
`server.running_exchange`. The package stands alone: it imports nothing else of tradesync.
"""

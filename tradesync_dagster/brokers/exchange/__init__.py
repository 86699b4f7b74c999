"""The simulated exchange: a real HTTP server that speaks Kite Connect v3.

Outside this package use `server.ExchangeConfig`, `server.create_app`, `server.serve` and
`server.running_exchange`. The package stands alone: it imports nothing else of tradesync.
"""

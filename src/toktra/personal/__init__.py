"""The second ledger: a service, a database and a database role of its own, which keeps what only its owner can read.

It knows neither people nor devices; the organisation's server and this room never import one another.
"""

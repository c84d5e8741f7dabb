"""Tells an organisation's own systems what happened: signed by Standard Webhooks, tried again, listed, replayable.

await announce(connection, tenant_id, "budget.threshold_reached", {…})  # in the transaction of what happened
"""

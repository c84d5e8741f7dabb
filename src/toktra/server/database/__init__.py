"""Where the ledger lives: the pool with its tenant context, the migrations, and the embedded PostgreSQL.

Every statement of the server runs as a role that row-level security binds, inside a transaction that names one tenant.
"""

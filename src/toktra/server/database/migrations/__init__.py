"""The tables of the ledger and their history: one SQL file per step, run by Alembic as the owner of the tables."""

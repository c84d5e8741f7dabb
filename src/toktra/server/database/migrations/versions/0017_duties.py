"""Owners of requests, requests by programs, the language of letters, and the end of old entries of the trail."""

from pathlib import Path

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Straight through the driver, so that nothing in the SQL is read as a parameter."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("no database connection")
    connection.cursor().execute(Path(__file__).with_name("0017_duties.sql").read_text())


def downgrade() -> None:
    raise NotImplementedError("who answers which request would be forgotten; restore a backup instead")

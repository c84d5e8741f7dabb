"""Requests by mail, the law of a person, claims of accounts, failed sign-ins, and weeks in the copy of one's data."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Straight through the driver, so that nothing in the SQL is read as a parameter."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("no database connection")
    connection.cursor().execute(Path(__file__).with_name("0012_asking.sql").read_text())


def downgrade() -> None:
    raise NotImplementedError("requests that came by mail would be lost; restore a backup instead")

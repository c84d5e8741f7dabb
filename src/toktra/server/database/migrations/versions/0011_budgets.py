"""Budgets with their versions, alerts and periods, and webhooks with their deliveries."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Straight through the driver, so that nothing in the SQL is read as a parameter."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("no database connection")
    connection.cursor().execute(Path(__file__).with_name("0011_budgets.sql").read_text())


def downgrade() -> None:
    raise NotImplementedError("budgets and their history would be lost; restore a backup instead")

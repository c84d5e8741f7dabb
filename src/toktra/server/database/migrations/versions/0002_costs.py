"""What an organisation assumes about prices, its provider connections, and what providers billed."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Straight through the driver, so that nothing in the SQL is read as a parameter."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("no database connection")
    connection.cursor().execute(Path(__file__).with_name("0002_costs.sql").read_text())


def downgrade() -> None:
    raise NotImplementedError("assumptions and billed totals would be lost; restore a backup instead")

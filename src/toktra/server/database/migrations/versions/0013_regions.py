"""Which organisations are served in other regions, and nothing else about them."""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Straight through the driver, so that nothing in the SQL is read as a parameter."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("no database connection")
    connection.cursor().execute(Path(__file__).with_name("0013_regions.sql").read_text())


def downgrade() -> None:
    raise NotImplementedError("requests for organisations of other regions would be refused; restore a backup instead")

"""The ledger, and the one function that takes in a batch."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Straight through the driver, so that nothing in the SQL is read as a parameter."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("no database connection")
    for name in ("0001_ledger.sql", "0001_partitions.sql", "0001_ingest.sql"):
        connection.cursor().execute(Path(__file__).with_name(name).read_text())


def downgrade() -> None:
    raise NotImplementedError("the first version has nothing before it; restore a backup instead")

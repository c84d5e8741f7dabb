"""Rights requests, what is kept how long, the notices people are given, and regions that stay."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Straight through the driver, so that nothing in the SQL is read as a parameter."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("no database connection")
    for name in ("0009_retention.sql", "0009_notices.sql", "0009_rights.sql", "0009_residency.sql"):
        connection.cursor().execute(Path(__file__).with_name(name).read_text())


def downgrade() -> None:
    raise NotImplementedError("requests, erasures and acknowledgements would be lost; restore a backup instead")

"""The weeks people write in the portal, in a schema only a role of its own may enter; the works agreement's hours."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Straight through the driver, so that nothing in the SQL is read as a parameter."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("no database connection")
    connection.cursor().execute(Path(__file__).with_name("0008_privacy_hours.sql").read_text())


def downgrade() -> None:
    raise NotImplementedError("the weeks people wrote would be lost; restore a backup instead")

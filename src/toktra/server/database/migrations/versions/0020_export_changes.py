"""Scheduled exports are changed and paused, and what is being sent ends as it began."""

from pathlib import Path

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Straight through the driver, so that nothing in the SQL is read as a parameter."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("no database connection")
    connection.cursor().execute(Path(__file__).with_name("0020_export_changes.sql").read_text())


def downgrade() -> None:
    raise NotImplementedError("nothing was lost going up, and nothing would be won going down")

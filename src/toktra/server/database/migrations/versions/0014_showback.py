"""Cost centres of departments, and exports that are sent by themselves."""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Straight through the driver, so that nothing in the SQL is read as a parameter."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("no database connection")
    connection.cursor().execute(Path(__file__).with_name("0014_showback.sql").read_text())


def downgrade() -> None:
    raise NotImplementedError("cost centres and what was sent would be forgotten; restore a backup instead")

"""What an organisation says about its people, whose an account is, and who made which enrolment code."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Straight through the driver, so that nothing in the SQL is read as a parameter."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("no database connection")
    connection.cursor().execute(Path(__file__).with_name("0004_directory.sql").read_text())


def downgrade() -> None:
    raise NotImplementedError("departments, managers and assignments would be lost; restore a backup instead")

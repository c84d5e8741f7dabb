"""The queue of jobs: procrastinate's schema, and which of its rows a tenant's transaction may see."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Straight through the driver, so that nothing in the SQL is read as a parameter."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("no database connection")
    for name in ("0005_procrastinate.sql", "0005_jobs.sql"):
        connection.cursor().execute(Path(__file__).with_name(name).read_text())


def downgrade() -> None:
    raise NotImplementedError("jobs that were accepted would be lost; restore a backup instead")

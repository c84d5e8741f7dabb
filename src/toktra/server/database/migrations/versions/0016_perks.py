"""Token Perks, as far as the organisation knows them."""

from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Straight through the driver, so that nothing in the SQL is read as a parameter."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("no database connection")
    connection.cursor().execute(Path(__file__).with_name("0016_perks.sql").read_text())


def downgrade() -> None:
    raise NotImplementedError("who takes part in Token Perks would be forgotten; restore a backup instead")

"""How people sign in: passkeys, passwords, recovery codes, the organisation's own sign-in."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Straight through the driver, so that nothing in the SQL is read as a parameter."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("no database connection")
    connection.cursor().execute(Path(__file__).with_name("0007_sign_in.sql").read_text())


def downgrade() -> None:
    raise NotImplementedError("passkeys and passwords would be lost; restore a backup instead")

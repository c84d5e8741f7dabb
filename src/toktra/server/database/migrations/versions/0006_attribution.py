"""How finely use is attributed, departments by day, SCIM, and devices that change keys or are claimed."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Straight through the driver, so that nothing in the SQL is read as a parameter."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("no database connection")
    for name in ("0006_attribution.sql", "0006_scim.sql", "0006_devices.sql", "0006_ingest.sql"):
        connection.cursor().execute(Path(__file__).with_name(name).read_text())


def downgrade() -> None:
    raise NotImplementedError("detail that was never kept cannot come back; restore a backup instead")

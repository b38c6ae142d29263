"""What each loaded partition was parsed from, so that the same raw records need not be parsed again."""

from alembic import op

revision = "0003_sources"
down_revision = "0002_api"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE ops.loaded_partition ADD COLUMN source text",
    "COMMENT ON COLUMN ops.loaded_partition.source IS 'Fingerprint of the raw records and of the code that made this "
    "digest of them; null where the rows depend on more than that.'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

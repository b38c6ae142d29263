"""Where in the lake the raw record of what is set aside lies, for whoever has only SQL."""

from alembic import op

revision = "0016_raw_link"
down_revision = "0015_alerts_heard"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = (
    # Files are merged and replaced; the partition's folder, the id and the time of the reading stay. Reckoned, so that
    # it is true of rows from before as well, and nobody can forget to write it.
    """
    ALTER TABLE ops.quarantine ADD COLUMN raw_files text NOT NULL
      GENERATED ALWAYS AS ('raw/' || entity || '/' || partition || '/*.parquet') STORED
    """,
    "COMMENT ON COLUMN ops.quarantine.raw_files IS 'The link to the raw record: below CENTRA_LAKE_URL, these Parquet "
    "files have one row with this record_id as id and this fetched_at, whose payload is what Centra sent. Holds after "
    "upkeep merged files, too.'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

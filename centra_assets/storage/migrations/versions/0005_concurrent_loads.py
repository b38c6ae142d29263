"""A record is set aside within a partition: the same id may be good in one and bad in another."""

from alembic import op

revision = "0005_concurrent_loads"
down_revision = "0004_real_time"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE ops.quarantine DROP CONSTRAINT quarantine_pkey",
    "ALTER TABLE ops.quarantine ADD PRIMARY KEY (entity, partition, record_id)",
    "COMMENT ON TABLE ops.quarantine IS 'Records that break their contract now; one row per record and partition, no "
    "values of it.'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

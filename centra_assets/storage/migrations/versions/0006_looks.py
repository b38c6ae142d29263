"""An outage, a look for what is not shown and a failure are counted apart: none uses up the patience for another."""

from alembic import op

revision = "0006_looks"
down_revision = "0005_concurrent_loads"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE ops.inbox ADD COLUMN looks integer NOT NULL DEFAULT 0, ADD COLUMN outages integer NOT NULL DEFAULT 0",
    "COMMENT ON COLUMN ops.inbox.attempts IS 'How often following it failed for a reason that does not pass.'",
    "COMMENT ON COLUMN ops.inbox.looks IS 'How often its record was looked for and not found.'",
    "COMMENT ON COLUMN ops.inbox.outages IS 'How often following it failed for a reason that passes.'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

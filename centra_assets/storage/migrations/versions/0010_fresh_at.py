"""When a sweep last came to its end without a failure, so that freshness need not believe failed ones."""

from alembic import op

revision = "0010_fresh_at"
down_revision = "0009_privacy"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE ops.sync_state ADD COLUMN fresh_at timestamp with time zone",
    "UPDATE ops.sync_state SET fresh_at = checked_at WHERE NOT detail ? 'error'",
    "COMMENT ON COLUMN ops.sync_state.checked_at IS 'When it was last over, failed for good or not.'",
    "COMMENT ON COLUMN ops.sync_state.fresh_at IS 'When it last came to its end without a failure: what Centra had "
    "then, and the strategy can see, is here.'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

"""Runs give signs of life: one that is silent for long is dead, whoever should have noticed."""

from alembic import op

revision = "0012_signs_of_life"
down_revision = "0011_trail_and_health"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE ops.run_sign (
        run_id text PRIMARY KEY,
        signs bigint NOT NULL DEFAULT 1,
        seen_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
    ) WITH (fillfactor = 50)
    """,
    "COMMENT ON TABLE ops.run_sign IS 'How often the process of a run has said that it lives, and when last.'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

"""What the API client remembers and shares: the budget, the live schema, the denied fields."""

from alembic import op

revision = "0002_api"
down_revision = "0001_ops"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE ops.api_gate (
        environment text PRIMARY KEY,
        closed_until timestamp with time zone,
        limits_read_at timestamp with time zone,
        requests_since_read integer NOT NULL DEFAULT 0,
        seeded boolean NOT NULL DEFAULT false
    )
    """,
    "COMMENT ON TABLE ops.api_gate IS 'One row per Centra environment: when requests may go out again after a 429, "
    "and how fresh the buckets are. Locked by whoever draws from the buckets.'",
    # Updated with every request: room in the page keeps the updates away from the index.
    """
    CREATE TABLE ops.api_bucket (
        environment text NOT NULL,
        kind text NOT NULL,
        interval_seconds integer NOT NULL,
        quota bigint NOT NULL,
        tokens double precision NOT NULL,
        at timestamp with time zone NOT NULL,
        PRIMARY KEY (environment, kind, interval_seconds)
    ) WITH (fillfactor = 40)
    """,
    "COMMENT ON TABLE ops.api_bucket IS 'Our picture of Centra''s token buckets: the tokens left at a moment.'",
    """
    CREATE TABLE ops.api_schema (
        environment text PRIMARY KEY,
        sdl text NOT NULL,
        fetched_at timestamp with time zone NOT NULL
    )
    """,
    "COMMENT ON TABLE ops.api_schema IS 'The live schema of each Centra environment, as introspection gave it.'",
    """
    CREATE TABLE ops.api_denied (
        environment text NOT NULL,
        token_fingerprint text NOT NULL,
        coordinate text NOT NULL,
        permission text NOT NULL,
        seen_at timestamp with time zone NOT NULL,
        PRIMARY KEY (environment, token_fingerprint, coordinate)
    )
    """,
    "COMMENT ON TABLE ops.api_denied IS 'Fields (Type.field) that a token was refused, and the permission it lacks.'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

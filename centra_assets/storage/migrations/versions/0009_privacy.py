"""Who was forgotten, and how far a request to forget has come."""

from alembic import op

revision = "0009_privacy"
down_revision = "0008_alerts"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE ops.privacy_state (
        is_only_row boolean PRIMARY KEY DEFAULT true,
        key bytea NOT NULL,
        generation bigint NOT NULL DEFAULT 0,
        CONSTRAINT privacy_state_is_one_row CHECK (is_only_row)
    )
    """,
    "COMMENT ON TABLE ops.privacy_state IS 'One row: the key that e-mail addresses are hashed with, made here and "
    "known nowhere else, and a number that grows whenever ops.forgotten does.'",
    # Two random UUIDs have 244 random bits; PostgreSQL has no other source without an extension.
    """
    INSERT INTO ops.privacy_state (key)
    VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')))
    """,
    """
    CREATE TABLE ops.forget_request (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        customer_ids bigint[] NOT NULL,
        reason text NOT NULL,
        requested_by text NOT NULL,
        requested_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
        state text NOT NULL DEFAULT 'open',
        steps text[] NOT NULL DEFAULT '{}',
        counts jsonb NOT NULL DEFAULT '{}',
        attempts integer NOT NULL DEFAULT 0,
        error text,
        run_id text NOT NULL DEFAULT '',
        finished_at timestamp with time zone,
        look_again_at timestamp with time zone,
        CONSTRAINT forget_request_state CHECK (state IN ('open', 'done', 'verified'))
    )
    """,
    "COMMENT ON TABLE ops.forget_request IS 'Requests to forget customers: who asked, which steps are done, what each "
    "place held. Ids and counts only.'",
    "COMMENT ON COLUMN ops.forget_request.state IS 'open: steps are missing; done: all were taken; verified: taken "
    "once more, after everything that was under way meanwhile had ended.'",
    "CREATE INDEX forget_request_open ON ops.forget_request (id) WHERE state <> 'verified'",
    """
    CREATE TABLE ops.forgotten (
        kind text NOT NULL,
        reference text NOT NULL,
        request_id bigint NOT NULL,
        at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (kind, reference),
        CONSTRAINT forgotten_kind CHECK (kind IN ('customer', 'order', 'order_line', 'email'))
    )
    """,
    "COMMENT ON TABLE ops.forgotten IS 'By what a record is recognised that belongs to a forgotten customer: ids, and "
    "keyed hashes of e-mail addresses. Consulted wherever records enter the lake.'",
    """
    CREATE TABLE ops.forgotten_record (
        request_id bigint NOT NULL REFERENCES ops.forget_request (id),
        entity text NOT NULL,
        record_id text NOT NULL,
        PRIMARY KEY (request_id, entity, record_id)
    )
    """,
    "COMMENT ON TABLE ops.forgotten_record IS 'The records that a request found; gone when it is verified.'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

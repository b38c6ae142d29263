"""The trail of what was done to the data: rows are added, and nobody changes or removes one."""

from alembic import op

revision = "0007_audit"
down_revision = "0006_looks"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE ops.audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
        kind text NOT NULL,
        subject text NOT NULL,
        partition text NOT NULL DEFAULT '',
        run_id text NOT NULL DEFAULT '',
        actor text NOT NULL,
        outcome text NOT NULL,
        fields text[] NOT NULL DEFAULT '{}',
        before_hash text,
        after_hash text,
        counts jsonb NOT NULL DEFAULT '{}',
        request_id text NOT NULL DEFAULT '',
        detail jsonb NOT NULL DEFAULT '{}',
        CONSTRAINT audit_outcome CHECK (outcome IN ('begun', 'done', 'refused', 'failed'))
    )
    """,
    "COMMENT ON TABLE ops.audit IS 'What was done to the data: when, what, by which run, who asked, what came of it. "
    "Only added to. Ids, counts, hashes and names of fields; no values.'",
    "COMMENT ON COLUMN ops.audit.kind IS 'load, forget, retention, quarantine_retry and so on.'",
    "COMMENT ON COLUMN ops.audit.subject IS 'core/orders, customer 1017: an asset or an id, never a name.'",
    "COMMENT ON COLUMN ops.audit.actor IS 'Who asked: schedule:, sensor:, backfill:, command: and a name, or user.'",
    "CREATE INDEX audit_at ON ops.audit (at)",
    "CREATE INDEX audit_subject ON ops.audit (subject, at)",
    """
    CREATE FUNCTION ops.audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'ops.audit is only added to: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    """
    CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ops.audit
    FOR EACH STATEMENT EXECUTE FUNCTION ops.audit_is_append_only()
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

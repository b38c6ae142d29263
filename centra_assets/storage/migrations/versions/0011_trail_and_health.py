"""A trail that is harder to bend, a key for its hashes, and what the API was asked per entity and hour."""

from alembic import op

revision = "0011_trail_and_health"
down_revision = "0010_fresh_at"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # Else a session with session_replication_role = replica would not fire it.
    "ALTER TABLE ops.audit ENABLE ALWAYS TRIGGER audit_is_append_only",
    """
    CREATE FUNCTION ops.audit_is_written_now() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.at := clock_timestamp();
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER audit_is_written_now BEFORE INSERT ON ops.audit
    FOR EACH ROW EXECUTE FUNCTION ops.audit_is_written_now()
    """,
    "ALTER TABLE ops.audit ENABLE ALWAYS TRIGGER audit_is_written_now",
    """
    CREATE TABLE ops.audit_key (
        only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
        key bytea NOT NULL
    )
    """,
    "COMMENT ON TABLE ops.audit_key IS 'Keys the hashes in ops.audit, so that nobody finds out by trying which values "
    "were hashed. Nobody but the owner reads it. A new key breaks no entry; its hashes just equal no older ones.'",
    "REVOKE ALL ON ops.audit_key FROM PUBLIC",
    """
    INSERT INTO ops.audit_key (key)
    SELECT decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')
    """,
    """
    CREATE TABLE ops.api_spending (
        environment text NOT NULL,
        entity text NOT NULL,
        hour timestamp with time zone NOT NULL,
        requests bigint NOT NULL,
        complexity bigint NOT NULL,
        retries bigint NOT NULL,
        throttled bigint NOT NULL,
        seconds_waited double precision NOT NULL,
        PRIMARY KEY (hour, entity, environment)
    )
    """,
    "COMMENT ON TABLE ops.api_spending IS 'What was asked of Centra for each entity, by the hour in which the work "
    "ended: requests, complexity points, retries, answers 429, seconds waited for quota.'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

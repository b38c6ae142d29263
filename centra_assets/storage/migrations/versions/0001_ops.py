"""The four schemas, the quarantine and the log of loads."""

from alembic import op

revision = "0001_ops"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    "CREATE SCHEMA IF NOT EXISTS core",
    "CREATE SCHEMA IF NOT EXISTS history",
    "CREATE SCHEMA IF NOT EXISTS marts",
    "COMMENT ON SCHEMA core IS 'What is true now, as typed tables.'",
    "COMMENT ON SCHEMA history IS 'Superseded versions of core rows.'",
    "COMMENT ON SCHEMA marts IS 'Tables for analysis, computed from core.'",
    "COMMENT ON SCHEMA ops IS 'The platform''s own state.'",
    """
    CREATE TABLE ops.quarantine (
        entity text NOT NULL,
        record_id text NOT NULL,
        partition text NOT NULL,
        reasons jsonb NOT NULL,
        fetched_at timestamp with time zone NOT NULL,
        first_seen timestamp with time zone NOT NULL,
        last_seen timestamp with time zone NOT NULL,
        run_id text NOT NULL,
        times integer NOT NULL DEFAULT 1,
        PRIMARY KEY (entity, record_id)
    )
    """,
    "COMMENT ON TABLE ops.quarantine IS 'Records that break their contract now; one row per record, no values of it.'",
    """
    CREATE TABLE ops.load_log (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamp with time zone NOT NULL,
        entity text NOT NULL,
        table_name text NOT NULL,
        run_id text NOT NULL,
        partitions integer NOT NULL,
        inserted bigint NOT NULL,
        updated bigint NOT NULL,
        unchanged bigint NOT NULL,
        deleted bigint NOT NULL,
        quarantined bigint NOT NULL,
        seconds double precision NOT NULL
    )
    """,
    "COMMENT ON TABLE ops.load_log IS 'What every load did: one row per table and load.'",
    "CREATE INDEX load_log_entity_at ON ops.load_log (entity, at)",
    """
    CREATE TABLE ops.loaded_partition (
        relation oid NOT NULL,
        partition text NOT NULL,
        digest text NOT NULL,
        PRIMARY KEY (relation, partition)
    )
    """,
    "COMMENT ON TABLE ops.loaded_partition IS 'Digests of partitions that hold just what was loaded last.'",
    # Fires on every core table; a load keeps the digests itself. Whoever may write the table need not know of it.
    """
    CREATE FUNCTION ops.forget_loaded_partitions() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog AS $$
    BEGIN
        IF current_setting('centra_assets.loading', true) IS DISTINCT FROM 'yes' THEN
            DELETE FROM ops.loaded_partition WHERE relation = TG_RELID;
        END IF;
        RETURN NULL;
    END $$
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

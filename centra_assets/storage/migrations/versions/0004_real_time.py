"""What real time needs: the inbox of hints, the marks of the sweeps, and the partitions of marts to compute again."""

from alembic import op

revision = "0004_real_time"
down_revision = "0003_sources"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # Updated once or twice in its life: room in the page keeps those updates away from the indexes.
    """
    CREATE TABLE ops.inbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        received_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
        source text NOT NULL,
        channel text NOT NULL,
        delivery text NOT NULL,
        position integer NOT NULL,
        entity text NOT NULL,
        via text NOT NULL,
        object_type text NOT NULL,
        action text NOT NULL,
        reference text NOT NULL,
        element jsonb NOT NULL,
        sent_at timestamp with time zone,
        state text NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        repeats integer NOT NULL DEFAULT 0,
        available_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
        claimed_by text,
        done_at timestamp with time zone,
        run_id text,
        error text,
        UNIQUE (source, channel, delivery, position, entity),
        CONSTRAINT inbox_state CHECK (state IN ('waiting', 'done', 'unknown', 'ignored', 'outside', 'failed'))
    ) WITH (fillfactor = 70)
    """,
    "COMMENT ON TABLE ops.inbox IS 'Hints that an object of Centra changed, as webhooks and events brought them: one "
    "row per hint and entity that it speaks of. They name objects and carry no data.'",
    "COMMENT ON COLUMN ops.inbox.delivery IS 'What tells a repeat from a new delivery: a digest, or the event''s id.'",
    "COMMENT ON COLUMN ops.inbox.entity IS 'The entity to refetch; empty for what no entity of ours stands for.'",
    "COMMENT ON COLUMN ops.inbox.via IS 'How the reference leads to records of the entity; see entities/hints.py.'",
    "COMMENT ON COLUMN ops.inbox.element IS 'The part of the delivery that the hint was read from, as it came.'",
    "COMMENT ON COLUMN ops.inbox.repeats IS 'How often the same hint of the same delivery came again.'",
    "COMMENT ON COLUMN ops.inbox.state IS 'waiting; done; unknown: no entity stands for the type; ignored: switched "
    "off in sync.yaml; outside: no partition takes the record; failed: given up after several attempts.'",
    "CREATE INDEX inbox_waiting ON ops.inbox (available_at, id) WHERE state = 'waiting'",
    "CREATE INDEX inbox_received_at ON ops.inbox (received_at)",
    """
    CREATE TABLE ops.sync_state (
        entity text NOT NULL,
        partition text NOT NULL,
        strategy text NOT NULL,
        watermark timestamp with time zone,
        checked_at timestamp with time zone,
        changed_at timestamp with time zone,
        run_id text,
        detail jsonb NOT NULL DEFAULT '{}',
        PRIMARY KEY (entity, partition, strategy)
    )
    """,
    "COMMENT ON TABLE ops.sync_state IS 'How far each sweep has come. A watermark moves in the transaction that loads "
    "what lies before it.'",
    """
    CREATE TABLE ops.sweep_request (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        entity text NOT NULL,
        partition text NOT NULL DEFAULT '',
        since timestamp with time zone,
        reason text NOT NULL,
        at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
    )
    """,
    "COMMENT ON TABLE ops.sweep_request IS 'Sweeps that somebody asked for before they are due; deleted when done.'",
    """
    CREATE TABLE ops.stale_partition (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        asset text NOT NULL,
        partition text NOT NULL,
        at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
    )
    """,
    "COMMENT ON TABLE ops.stale_partition IS 'Partitions to compute again, because a load changed what they are made "
    "of. Only appended to: whoever computes deletes the notes that he read before.'",
    "CREATE INDEX stale_partition_asset ON ops.stale_partition (asset, partition, id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

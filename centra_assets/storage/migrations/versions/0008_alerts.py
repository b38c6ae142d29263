"""What alerting keeps: conditions that hold, what they consist of, silences, and the messages that are to be sent."""

from alembic import op

revision = "0008_alerts"
down_revision = "0007_audit"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE ops.alert (
        key text PRIMARY KEY,
        kind text NOT NULL,
        severity text NOT NULL,
        owner text NOT NULL,
        subject text NOT NULL,
        title text NOT NULL,
        text text NOT NULL,
        link text NOT NULL,
        count integer NOT NULL,
        state text NOT NULL,
        since timestamp with time zone NOT NULL,
        begun timestamp with time zone[] NOT NULL,
        last_seen_at timestamp with time zone NOT NULL,
        opened_at timestamp with time zone,
        quiet_since timestamp with time zone,
        recovered_at timestamp with time zone,
        times integer NOT NULL DEFAULT 0,
        notified_at timestamp with time zone,
        notified_severity text,
        CONSTRAINT alert_state CHECK (state IN ('pending', 'open', 'recovering', 'closed')),
        CONSTRAINT alert_severity CHECK (severity IN ('info', 'warning', 'error', 'critical'))
    )
    """,
    "COMMENT ON TABLE ops.alert IS 'Conditions that are or were worth a message, one row per key. Names, codes and "
    "counts; no values of anybody''s data.'",
    "COMMENT ON COLUMN ops.alert.state IS 'pending: holds, not for long or often enough; open: told; recovering: no "
    "longer holds, not for long enough; closed.'",
    "COMMENT ON COLUMN ops.alert.begun IS 'When it began to hold, lately: what thresholds within a window count.'",
    "COMMENT ON COLUMN ops.alert.times IS 'How often it was opened.'",
    "CREATE INDEX alert_standing ON ops.alert (state) WHERE state <> 'closed'",
    # What Dagster tells once, as an event, and what must be known for as long as it is true.
    """
    CREATE TABLE ops.alert_part (
        key text NOT NULL,
        part text NOT NULL,
        scope text NOT NULL,
        event_id bigint NOT NULL,
        moments timestamp with time zone[] NOT NULL,
        extent jsonb NOT NULL,
        condition jsonb NOT NULL,
        ended bigint,
        PRIMARY KEY (key, part)
    )
    """,
    "COMMENT ON TABLE ops.alert_part IS 'Work that failed and has not succeeded since, checks that fail: what "
    "conditions told by events consist of.'",
    "COMMENT ON COLUMN ops.alert_part.scope IS 'The job or the check: a success of the same scope may end it.'",
    "COMMENT ON COLUMN ops.alert_part.event_id IS 'The event that told of it last; older ones change nothing.'",
    "COMMENT ON COLUMN ops.alert_part.ended IS 'The event that told of its end; null while it stands.'",
    "COMMENT ON COLUMN ops.alert_part.extent IS 'Partitions and assets that must succeed before it is over.'",
    "CREATE INDEX alert_part_scope ON ops.alert_part (scope)",
    """
    CREATE TABLE ops.alert_cursor (
        stream text PRIMARY KEY,
        settled bigint NOT NULL,
        seen bigint NOT NULL,
        seen_at timestamp with time zone NOT NULL
    )
    """,
    "COMMENT ON TABLE ops.alert_cursor IS 'How far each kind of event was read. Ids become visible out of order, so "
    "reading begins again at `settled`, where `seen` was a while ago.'",
    """
    CREATE TABLE ops.alert_silence (
        pattern text PRIMARY KEY,
        until timestamp with time zone NOT NULL,
        actor text NOT NULL,
        at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
    )
    """,
    "COMMENT ON TABLE ops.alert_silence IS 'Alerts (keys, with * and ?) about which nothing is sent for a while.'",
    """
    CREATE TABLE ops.alert_delivery (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        message uuid NOT NULL DEFAULT gen_random_uuid(),
        key text NOT NULL,
        channel text NOT NULL,
        event text NOT NULL,
        notices jsonb NOT NULL,
        state text NOT NULL DEFAULT 'pending',
        attempts integer NOT NULL DEFAULT 0,
        at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
        next_try_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
        sent_at timestamp with time zone,
        error text,
        CONSTRAINT alert_delivery_state CHECK (state IN ('pending', 'sent', 'failed', 'dropped'))
    )
    """,
    "COMMENT ON TABLE ops.alert_delivery IS 'The outbox: one row per message and channel, written together with the "
    "change of the alert that it tells of.'",
    "COMMENT ON COLUMN ops.alert_delivery.message IS 'The same for every attempt, so that a repeat can be recognised.'",
    "COMMENT ON COLUMN ops.alert_delivery.state IS 'pending; sent; failed: given up, error is why; dropped: over "
    "before it was due.'",
    "CREATE INDEX alert_delivery_pending ON ops.alert_delivery (next_try_at, id) WHERE state = 'pending'",
    "CREATE INDEX alert_delivery_channel ON ops.alert_delivery (channel, at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

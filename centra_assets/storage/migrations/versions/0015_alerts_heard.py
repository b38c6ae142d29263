"""Who was told of an alert: he is told of its end as well, however mild it has become by then."""

from alembic import op

revision = "0015_alerts_heard"
down_revision = "0014_buyers_forgotten"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = (
    "ALTER TABLE ops.alert ADD COLUMN heard text[] NOT NULL DEFAULT '{}'",
    "COMMENT ON COLUMN ops.alert.heard IS 'The channels that were told of it since it was opened.'",
    # Of what stands now the outbox still knows.
    """
    UPDATE ops.alert SET heard = told.channels
    FROM (
      SELECT standing.key, array_agg(DISTINCT message.channel ORDER BY message.channel) AS channels
      FROM ops.alert standing JOIN ops.alert_delivery message
        ON message.state <> 'dropped' AND message.at >= standing.opened_at
        AND message.notices @> jsonb_build_array(
          jsonb_build_object('condition', jsonb_build_object('key', standing.key)))
      WHERE standing.state IN ('open', 'recovering') AND standing.notified_at IS NOT NULL
      GROUP BY standing.key
    ) told
    WHERE alert.key = told.key
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

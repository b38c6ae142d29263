"""What alerting keeps: conditions that hold, and the messages that are still to be sent. (Owner: C.)"""

from alembic import op

revision = "0008_alerts"
down_revision = "0007_audit"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = ()


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

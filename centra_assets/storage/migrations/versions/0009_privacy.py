"""Who was forgotten, and how far a request to forget has come. (Owner: E.)"""

from alembic import op

revision = "0009_privacy"
down_revision = "0008_alerts"
branch_labels = None
depends_on = None

_STATEMENTS: tuple[str, ...] = ()


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

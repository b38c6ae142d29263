"""Buyers of wholesale accounts can be forgotten as customers can."""

from alembic import op

revision = "0014_buyers_forgotten"
down_revision = "0013_concurrent_indexes"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE ops.forget_request ADD COLUMN buyer_ids bigint[] NOT NULL DEFAULT '{}'",
    "COMMENT ON TABLE ops.forget_request IS 'Requests to forget customers and buyers: who asked, which steps are done, "
    "what each place held. Ids and counts only.'",
    "ALTER TABLE ops.forgotten DROP CONSTRAINT forgotten_kind",
    """
    ALTER TABLE ops.forgotten ADD CONSTRAINT forgotten_kind
    CHECK (kind IN ('customer', 'buyer', 'order', 'order_line', 'email'))
    """,
    "COMMENT ON TABLE ops.forgotten IS 'By what a record is recognised that belongs to a forgotten customer or buyer: "
    "ids, and keyed hashes of e-mail addresses. Consulted wherever records enter the lake.'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)

"""Indexes on tables that are full and written to at every moment: the inbox, and the trail."""

from centra_assets.storage.concurrent_indexes import build_index

revision = "0013_concurrent_indexes"
down_revision = "0012_signs_of_life"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Where 0011 ran before it left them to this one, they are there.
    build_index("ops", "inbox_done_at", "ops.inbox (done_at) WHERE done_at IS NOT NULL")
    build_index("ops", "audit_run", "ops.audit (run_id) WHERE run_id <> ''")

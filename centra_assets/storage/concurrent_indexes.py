"""Builds an index on a table that others go on writing to, within a migration. Which indexes there are, is said there.

A migration does nothing else beside: it is no transaction, and may end anywhere and begin again.
"""

from alembic import op

_IS_BROKEN = """
SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{name}')
"""


def build_index(schema: str, name: str, on: str) -> None:
    """Builds it unless it is there; what an interrupted building left is taken away first.

    Waits for the transactions that were there before it, and nobody waits for it.
    """
    context = op.get_context()
    with context.autocommit_block():
        is_broken = op.get_bind().exec_driver_sql(_IS_BROKEN.format(name=f"{schema}.{name}")).scalar()
        if is_broken:
            op.execute(f"DROP INDEX CONCURRENTLY {schema}.{name}")
        op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {on}")

"""Alembic's entry point: runs the migrations on the connection that `migrate.upgrade` hands over. Decides nothing."""

from alembic import context

from centra_assets.storage.migrate import SCHEMA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    version_table_schema=SCHEMA,
    # A lock that one of them takes is given back with it.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()

"""Alembic's entry: runs the migrations on the connection that `registry.migrate` opened and locked."""

from alembic import context

from registry.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()

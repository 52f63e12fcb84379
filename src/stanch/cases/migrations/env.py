"""Alembic's entry: runs the steps on the connection that `stanch.cases.database` hands over."""

from alembic import context

from stanch.cases.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()

"""Logins that wait to be looked at again, and which guard does what one does for all."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "late_looks",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("due_s", sa.BigInteger, nullable=False),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("account", sa.String(256), nullable=False),
        sa.Column("login_us", sa.BigInteger, nullable=False),
        sa.Column("context", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_late_looks_due_s", "late_looks", ["due_s"])
    op.create_table(
        "leases",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False),
    )

"""What the guard decides: decisions, how far bouncers know them, and late resets."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "decisions",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("version", sa.BigInteger, nullable=False, unique=True),
        sa.Column("changed_us", sa.BigInteger, nullable=False),
        sa.Column("value", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("scenario", sa.String(100), nullable=False),
        sa.Column("why", sa.String(500), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("start_us", sa.BigInteger, nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.Column("undone_us", sa.BigInteger),
    )
    op.create_index("ix_decisions_until_us", "decisions", ["until_us"])
    op.create_table(
        "bouncers",
        sa.Column("key_id", sa.String(16), sa.ForeignKey("api_keys.id"), primary_key=True),
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("address", sa.String(64), primary_key=True),
        sa.Column("told_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "resets",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("account", sa.String(256), nullable=False),
        sa.Column("login_us", sa.BigInteger, nullable=False),
        sa.Column("found_us", sa.BigInteger, nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("why", sa.String(500), nullable=False),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_resets_found_us", "resets", ["found_us"])

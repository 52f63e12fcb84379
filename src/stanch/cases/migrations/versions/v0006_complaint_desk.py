"""The complaint desk: complaints that were read, corrections of it, scam scripts and claims."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_INDEXED = (
    "complaint", "victim", "received_us", "day", "kind", "region", "script", "order_ref", "account_ref",
    "phone_ref",
)  # fmt: skip


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "complaint_reports",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("segment_id", _NUMBER, nullable=False),
        sa.Column("row", sa.BigInteger, nullable=False),
        sa.Column("complaint", sa.String(256), nullable=False),
        sa.Column("victim", sa.BigInteger, nullable=False),
        sa.Column("received_us", sa.BigInteger, nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("corrected", sa.Boolean, nullable=False),
        sa.Column("region", sa.String(100), nullable=False),
        sa.Column("channel", sa.String(100), nullable=False),
        sa.Column("loss", sa.Double),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("script", sa.BigInteger),
        sa.Column("order_ref", sa.String(24)),
        sa.Column("account_ref", sa.String(24)),
        sa.Column("phone_ref", sa.String(24)),
        sa.Column("told", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    for name in _INDEXED:
        op.create_index(f"ix_complaint_reports_{name}", "complaint_reports", [name])
    op.create_index("ix_complaint_reports_segment_id_row", "complaint_reports", ["segment_id", "row"])
    op.create_table(
        "complaint_corrections",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("complaint", sa.String(256), nullable=False),
        sa.Column("column_name", sa.String(24), nullable=False),
        sa.Column("value", sa.String(2_000), nullable=False),
        sa.Column("person_id", _NUMBER, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_complaint_corrections_complaint", "complaint_corrections", ["complaint"])
    op.create_table(
        "complaint_scripts",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_table(
        "claim_changes",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("claim", sa.String(256), nullable=False),
        sa.Column("of", sa.String(256), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    for name in ("claim", "of"):
        op.create_index(f"ix_claim_changes_{name}", "claim_changes", [name])

"""The console: investigations of incidents, and the files that are given to them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "investigations",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("incident_id", _NUMBER, sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("person_id", _NUMBER, sa.ForeignKey("people.id")),
        sa.Column("origin", sa.String(8), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("ended_us", sa.BigInteger),
        sa.Column("told", sa.String(500), nullable=False),
    )
    op.create_index("ix_investigations_incident_id", "investigations", ["incident_id"])
    op.create_table(
        "evidence_files",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("incident_id", _NUMBER, sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("person_id", _NUMBER, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("n_bytes", sa.BigInteger, nullable=False),
        sa.Column("table_name", sa.String(16), nullable=False),
        sa.Column("seen", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_evidence_files_incident_id", "evidence_files", ["incident_id"])

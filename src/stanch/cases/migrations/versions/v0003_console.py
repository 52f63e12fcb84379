"""The console: people and their sessions, the audit, and incidents that people work on."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables, and have the audit refuse changes."""
    _make_people()
    _make_incidents()
    _make_contributions()
    _seal_audit()


def _make_people() -> None:
    op.create_table(
        "people",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(60), nullable=False, unique=True),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("roles", sa.String(100), nullable=False),
        sa.Column("totp", sa.LargeBinary(100)),
        sa.Column("totp_step", sa.BigInteger, nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("disabled_us", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "invitations",
        sa.Column("token_sha256", sa.LargeBinary(32), primary_key=True),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("roles", sa.String(100), nullable=False),
        sa.Column("made_by", _NUMBER, sa.ForeignKey("people.id")),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("used_us", sa.BigInteger),
    )
    op.create_index("ix_invitations_expires_us", "invitations", ["expires_us"])
    op.create_table(
        "console_sessions",
        sa.Column("token_sha256", sa.LargeBinary(32), primary_key=True),
        sa.Column("person_id", _NUMBER, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("seen_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_console_sessions_person_id", "console_sessions", ["person_id"])
    op.create_index("ix_console_sessions_expires_us", "console_sessions", ["expires_us"])
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("person_id", sa.BigInteger),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("details", sa.String(500), nullable=False),
        sa.Column("mac", sa.LargeBinary(32), nullable=False),
    )
    op.create_index("ix_audit_at_us", "audit", ["at_us"])
    op.create_index("ix_audit_person_id", "audit", ["person_id"])
    op.create_index("ix_audit_action", "audit", ["action"])


def _make_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("severity", sa.String(8), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("owner", _NUMBER, sa.ForeignKey("people.id")),
        sa.Column("opened_us", sa.BigInteger, nullable=False),
        sa.Column("closed_us", sa.BigInteger),
        sa.Column("close_reason", sa.String(500), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_incidents_state", "incidents", ["state"])
    op.create_table(
        "incident_people",
        sa.Column("incident_id", _NUMBER, sa.ForeignKey("incidents.id"), primary_key=True),
        sa.Column("person_id", _NUMBER, sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("added_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "incident_history",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("incident_id", _NUMBER, sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("person_id", _NUMBER, sa.ForeignKey("people.id")),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.Column("text", sa.String(500), nullable=False),
    )
    op.create_index("ix_incident_history_incident_id", "incident_history", ["incident_id"])
    op.create_table(
        "incident_tasks",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("incident_id", _NUMBER, sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("clock", sa.String(8), nullable=False),
        sa.Column("due_us", sa.BigInteger),
        sa.Column("assignee", _NUMBER, sa.ForeignKey("people.id")),
        sa.Column("done_us", sa.BigInteger),
        sa.Column("done_by", _NUMBER, sa.ForeignKey("people.id")),
    )
    op.create_index("ix_incident_tasks_incident_id", "incident_tasks", ["incident_id"])


def _make_contributions() -> None:
    op.create_table(
        "incident_notes",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("incident_id", _NUMBER, sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("person_id", _NUMBER, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("withdrawn_us", sa.BigInteger),
    )
    op.create_index("ix_incident_notes_incident_id", "incident_notes", ["incident_id"])
    op.create_table(
        "mentions",
        sa.Column("note_id", _NUMBER, sa.ForeignKey("incident_notes.id"), primary_key=True),
        sa.Column("person_id", _NUMBER, sa.ForeignKey("people.id"), primary_key=True),
    )
    op.create_index("ix_mentions_person_id", "mentions", ["person_id"])
    op.create_table(
        "incident_pins",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("incident_id", _NUMBER, sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("person_id", _NUMBER, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("path", sa.String(1000), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
    )
    op.create_index("ix_incident_pins_incident_id", "incident_pins", ["incident_id"])


def _seal_audit() -> None:
    told = "the audit is append-only"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION '{told}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_sealed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_sealed_{change.lower()} BEFORE {change} ON audit"
            f" BEGIN SELECT RAISE(ABORT, '{told}'); END"
        )

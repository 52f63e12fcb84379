"""The tables of the service's database. Moments are integer microseconds since 1970-01-01 UTC."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA: Final = MetaData()
_NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")

#: One row per API key, revoked ones included. The key itself is nowhere: `secret_sha256` is enough to
#: recognise it, and 256 random bits cannot be guessed from their hash.
API_KEYS: Final = Table(
    "api_keys",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("secret_sha256", LargeBinary(32), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("last_used_us", BigInteger),
    Column("revoked_us", BigInteger),
)

#: One row per request that brought evidence. `rows` is a zstd frame of JSON Lines with the columns of the
#: evidence table `table_name`, empty where every row was rejected; `answer` is what the sender was told, and
#: is told again when the same `idempotency_key` comes back.
SEGMENTS: Final = Table(
    "segments",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("table_name", String(16), nullable=False),
    Column("source", String(16), nullable=False),
    Column("idempotency_key", String(255)),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("received_us", BigInteger, nullable=False, index=True),
    Column("n_rows", BigInteger, nullable=False),
    Column("rows", LargeBinary, nullable=False),
    UniqueConstraint("table_name", "source", "idempotency_key", name="uq_segments_idempotency"),
)

#: One row per agent who signed in at the hotline form with a key.
AGENT_SESSIONS: Final = Table(
    "agent_sessions",
    METADATA,
    Column("token_sha256", LargeBinary(32), primary_key=True),
    Column("key_id", String(16), ForeignKey("api_keys.id"), nullable=False),
    Column("expires_us", BigInteger, nullable=False, index=True),
)

#: One row per decision about an address or network, simulated ones included. `version` counts changes: it is
#: given under a lock, so that whoever has read up to one has missed none. It ends at `until_us`, or at
#: `undone_us` if somebody took it back.
DECISIONS: Final = Table(
    "decisions",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("version", BigInteger, nullable=False, unique=True),
    Column("changed_us", BigInteger, nullable=False),
    Column("value", String(64), nullable=False),
    Column("scope", String(8), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("scenario", String(100), nullable=False),
    Column("why", String(500), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False, index=True),
    Column("simulated", Boolean, nullable=False),
    Column("undone_us", BigInteger),
)

#: One row per bouncer: up to which moment it knows the decisions. Told apart by key, program and address.
BOUNCERS: Final = Table(
    "bouncers",
    METADATA,
    Column("key_id", String(16), ForeignKey("api_keys.id"), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("address", String(64), primary_key=True),
    Column("told_us", BigInteger, nullable=False),
)

#: One row per account whose password and sessions should be revoked although its login was let through: the
#: attack was seen only afterwards. `account` is as the shop named it.
RESETS: Final = Table(
    "resets",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("account", String(256), nullable=False),
    Column("login_us", BigInteger, nullable=False),
    Column("found_us", BigInteger, nullable=False, index=True),
    Column("score", Double, nullable=False),
    Column("why", String(500), nullable=False),
    Column("simulated", Boolean, nullable=False),
    # Shops go on from the id that they have read up to, so none may come a second time.
    sqlite_autoincrement=True,
)

#: One row per person who works with the console, disabled ones included. `roles` are parted by blanks;
#: `totp` is sealed with the service's key; `totp_step` is the newest time step that was used.
PEOPLE: Final = Table(
    "people",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("name", String(60), nullable=False, unique=True),
    Column("password_hash", String(200), nullable=False),
    Column("roles", String(100), nullable=False),
    Column("totp", LargeBinary(100)),
    Column("totp_step", BigInteger, nullable=False),
    Column("language", String(2), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("disabled_us", BigInteger),
    # The audit names people by id, so none may come a second time.
    sqlite_autoincrement=True,
)

#: One row per link that makes a person, used ones included; `made_by` is empty for the first one.
INVITATIONS: Final = Table(
    "invitations",
    METADATA,
    Column("token_sha256", LargeBinary(32), primary_key=True),
    Column("name", String(60), nullable=False),
    Column("roles", String(100), nullable=False),
    Column("made_by", _NUMBER, ForeignKey("people.id")),
    Column("made_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False, index=True),
    Column("used_us", BigInteger),
)

#: One row per browser in which somebody is signed in.
CONSOLE_SESSIONS: Final = Table(
    "console_sessions",
    METADATA,
    Column("token_sha256", LargeBinary(32), primary_key=True),
    Column("person_id", _NUMBER, ForeignKey("people.id"), nullable=False, index=True),
    Column("made_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False, index=True),
)

#: One row per act and per look at personal data; triggers refuse changes. `mac` chains each to the one
#: before. `person_id` is empty where Stanch itself acts; `subject` is a number or a keyed reference.
AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False, index=True),
    Column("person_id", BigInteger, index=True),
    Column("action", String(64), nullable=False, index=True),
    Column("subject", String(128), nullable=False),
    Column("details", String(500), nullable=False),
    Column("mac", LargeBinary(32), nullable=False),
)

#: One row per incident that people work on.
INCIDENTS: Final = Table(
    "incidents",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("title", String(200), nullable=False),
    Column("severity", String(8), nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("owner", _NUMBER, ForeignKey("people.id")),
    Column("opened_us", BigInteger, nullable=False),
    Column("closed_us", BigInteger),
    Column("close_reason", String(500), nullable=False),
    sqlite_autoincrement=True,
)

#: The special team: one row per incident and person on it.
INCIDENT_PEOPLE: Final = Table(
    "incident_people",
    METADATA,
    Column("incident_id", _NUMBER, ForeignKey("incidents.id"), primary_key=True),
    Column("person_id", _NUMBER, ForeignKey("people.id"), primary_key=True),
    Column("added_us", BigInteger, nullable=False),
)

#: One row per change of an incident, never changed itself but for `purge`. `value` is the new state,
#: severity, person, task or the like; `text` what was given as a reason.
INCIDENT_HISTORY: Final = Table(
    "incident_history",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("incident_id", _NUMBER, ForeignKey("incidents.id"), nullable=False, index=True),
    Column("at_us", BigInteger, nullable=False),
    Column("person_id", _NUMBER, ForeignKey("people.id")),
    Column("kind", String(20), nullable=False),
    Column("value", String(200), nullable=False),
    Column("text", String(500), nullable=False),
)

#: One row per task. `clock` is the rule that set the due time, empty where a person did.
INCIDENT_TASKS: Final = Table(
    "incident_tasks",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("incident_id", _NUMBER, ForeignKey("incidents.id"), nullable=False, index=True),
    Column("title", String(200), nullable=False),
    Column("clock", String(8), nullable=False),
    Column("due_us", BigInteger),
    Column("assignee", _NUMBER, ForeignKey("people.id")),
    Column("done_us", BigInteger),
    Column("done_by", _NUMBER, ForeignKey("people.id")),
)

#: One row per note; a note that was withdrawn stays as an empty one.
INCIDENT_NOTES: Final = Table(
    "incident_notes",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("incident_id", _NUMBER, ForeignKey("incidents.id"), nullable=False, index=True),
    Column("person_id", _NUMBER, ForeignKey("people.id"), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("withdrawn_us", BigInteger),
)

#: One row per person whom a note mentions.
MENTIONS: Final = Table(
    "mentions",
    METADATA,
    Column("note_id", _NUMBER, ForeignKey("incident_notes.id"), primary_key=True),
    Column("person_id", _NUMBER, ForeignKey("people.id"), primary_key=True, index=True),
)

#: One row per page of the console that was pinned to an incident as evidence.
INCIDENT_PINS: Final = Table(
    "incident_pins",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("incident_id", _NUMBER, ForeignKey("incidents.id"), nullable=False, index=True),
    Column("person_id", _NUMBER, ForeignKey("people.id"), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("path", String(1000), nullable=False),
    Column("label", String(200), nullable=False),
)

#: One row per login of a stranger that waits to be looked at again: which look, when it is due, and the
#: guard's context (MessagePack), in which account and address stand as the shop named them.
LATE_LOOKS: Final = Table(
    "late_looks",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("due_s", BigInteger, nullable=False, index=True),
    Column("stage", Integer, nullable=False),
    Column("account", String(256), nullable=False),
    Column("login_us", BigInteger, nullable=False),
    Column("context", LargeBinary, nullable=False),
    # A look that was done must not be taken for a later one.
    sqlite_autoincrement=True,
)

#: One row per thing that one guard does for all: which, and until when unless it says more.
LEASES: Final = Table(
    "leases",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("until_us", BigInteger, nullable=False),
)

#: One row per run of an investigation. `told` is why it failed.
INVESTIGATIONS: Final = Table(
    "investigations",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("incident_id", _NUMBER, ForeignKey("incidents.id"), nullable=False, index=True),
    Column("person_id", _NUMBER, ForeignKey("people.id")),
    Column("origin", String(8), nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    Column("told", String(500), nullable=False),
)

#: One row per file of evidence that lies in an incident's folder, under its `id`.
EVIDENCE_FILES: Final = Table(
    "evidence_files",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("incident_id", _NUMBER, ForeignKey("incidents.id"), nullable=False, index=True),
    Column("person_id", _NUMBER, ForeignKey("people.id"), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("name", String(200), nullable=False),
    Column("n_bytes", BigInteger, nullable=False),
    Column("table_name", String(16), nullable=False),
    Column("seen", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

#: One row per complaint that was taken in, read once and without what names a person: `text` is masked,
#: `victim` is the id of the first report of the same victim, references are keyed hashes. `row` is the row of
#: its segment from 0, or -1 once the segment was written anew and has to be read again. `kind` is what a
#: person corrected it to, else what was read; `told` is the rest of the reading, as JSON.
COMPLAINT_REPORTS: Final = Table(
    "complaint_reports",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("segment_id", _NUMBER, nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("complaint", String(256), nullable=False, index=True),
    Column("victim", BigInteger, nullable=False, index=True),
    Column("received_us", BigInteger, nullable=False, index=True),
    Column("day", String(10), nullable=False, index=True),
    Column("kind", String(24), nullable=False, index=True),
    Column("confidence", Double, nullable=False),
    Column("corrected", Boolean, nullable=False),
    Column("region", String(100), nullable=False, index=True),
    Column("channel", String(100), nullable=False),
    Column("loss", Double),
    Column("currency", String(3), nullable=False),
    Column("script", BigInteger, index=True),
    Column("order_ref", String(24), index=True),
    Column("account_ref", String(24), index=True),
    Column("phone_ref", String(24), index=True),
    Column("told", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index("ix_complaint_reports_segment_id_row", "segment_id", "row"),
    # The audit and links name them by id, so none may come a second time.
    sqlite_autoincrement=True,
)

#: One row per value that a person corrected in the reading of a complaint; the newest of a column counts.
#: `value` is JSON, of the words of the contract alone.
COMPLAINT_CORRECTIONS: Final = Table(
    "complaint_corrections",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("complaint", String(256), nullable=False, index=True),
    Column("column_name", String(24), nullable=False),
    Column("value", String(2_000), nullable=False),
    Column("person_id", _NUMBER, ForeignKey("people.id"), nullable=False),
    Column("at_us", BigInteger, nullable=False),
)

#: One row per scam script that was noticed, numbered in that order; `content` is the JSON of its description.
COMPLAINT_SCRIPTS: Final = Table(
    "complaint_scripts",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("content", Text, nullable=False),
)

#: One row per change of a claim, never changed itself but for `purge`: `content` is the JSON of the change.
#: `of` is the claim that it is said to repeat.
CLAIM_CHANGES: Final = Table(
    "claim_changes",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("claim", String(256), nullable=False, index=True),
    Column("of", String(256), nullable=False, index=True),
    Column("content", Text, nullable=False),
    # What was replayed is told by the newest id, so none may come a second time.
    sqlite_autoincrement=True,
)

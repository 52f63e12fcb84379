"""Complaints with what the desk, or the reading of their text, adds to the evidence."""

from __future__ import annotations

from typing import Final

from stanch.evidence.tables import COMPLAINTS, Column, Kind, Table

#: The table of complaints with columns that only the complaint desk uses. To be counted, a complaint needs
#: neither order nor phone.
LABELLED: Final = Table(
    COMPLAINTS.name,
    COMPLAINTS.grain,
    (
        *COMPLAINTS.columns,
        Column("kind", Kind.NAME, "kind of fraud, as `stanch complaints read` names it"),
        Column("script", Kind.NAME, "scam script that it follows"),
        Column("product", Kind.NAME, "what was ordered"),
        Column("courier", Kind.NAME, "who carried the order"),
        Column("demands", Kind.TEXT, "what the victim demands, `|`-separated"),
    ),
)
LABELS: Final = ("kind", "script", "product", "courier")

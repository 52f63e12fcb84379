"""`stanch complaints …`: what the complaint desk does."""

from __future__ import annotations

from cyclopts import App

complaints_app = App(
    name="complaints", help="Complaints: early warning, victims' claims, the council's table."
)
complaints_app.command("stanch.cli.watch:watch_complaints", name="watch")
complaints_app.command("stanch.cli.claims:claims_app", name="claims")
complaints_app.command("stanch.cli.claims:show_table", name="table")

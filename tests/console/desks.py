"""The console without sockets: a service whose clock the test moves, and one person for each role."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from service.forms_in_process import SMALL, START_US, Desk
from stanch.cases import audit
from stanch.cases.database import open_database
from stanch.cases.incidents import Actor, open_incident
from stanch.cases.people import ROLES, Role, add_person, open_session
from stanch.console import make_operations, tell_failure
from stanch.console.access import make_form_token
from stanch.console.passwords import hash_password
from stanch.service.app import build_app
from stanch.service.settings import ServiceSettings

PASSWORD = "a sentence that nobody knows"
HASHED = hash_password(PASSWORD)
HOUR_US = 3_600_000_000


@dataclass
class Member:
    """One person's browser, signed in."""

    desk: "ConsoleDesk"
    id: int
    name: str
    session: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    #: What makes the browser known to those who signed in with it.
    device: str = ""

    @property
    def token(self) -> str:
        return make_form_token(self.desk.service, self.session)

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        kept = {"stanch-console": self.session, "stanch-device": self.device}
        cookies = "; ".join(f"{name}={value}" for name, value in kept.items() if value)
        sent = {"Cookie": cookies} if cookies else {}
        answer = self.desk.ask(method, path, headers={**sent, **self.headers}, **given)
        if found := re.search(r"stanch-console=([^;]*);", answer.headers.get("set-cookie", "")):
            self.session = found[1].strip('"')
        if found := re.search(r"stanch-device=([^;]*);", answer.headers.get("set-cookie", "")):
            self.device = found[1].strip('"')
        return answer

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", f"/console{path}")

    def load(self, path: str) -> Any:
        """What the JSON twin of a page says."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, path: str, /, **fields: Any) -> httpx.Response:
        """Send a form."""
        return self.ask("POST", f"/console{path}", data={"token": self.token, **fields})

    def act(self, path: str, /, **fields: Any) -> httpx.Response:
        """Do something as a program."""
        self.headers["X-Console-Token"] = self.token
        return self.ask("POST", f"/console{path}", json=fields)


class ConsoleDesk(Desk):
    """A service with its console."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.app = build_app(self.service, more=make_operations(), tell=tell_failure)

    def add(self, name: str, *roles: Role, signed_in: bool = True) -> Member:
        """Make a person with `PASSWORD`."""
        added = self.database.write(lambda c: add_person(c, name, HASHED, roles, self.now_us))
        member = Member(self, added, name)
        if signed_in:
            self.sign_in(member)
        return member

    def sign_in(self, member: Member) -> None:
        """Without the form."""
        member.session = self.database.write(lambda c: open_session(c, member.id, self.now_us))

    def add_team(self) -> dict[Role, Member]:
        """One person for each role, called after it."""
        return {role: self.add(f"the-{role}", role) for role in ROLES}

    def open_incident(self, title: str = "Callers know orders") -> int:
        return self.database.write(lambda c: open_incident(c, title, "high", Actor(None, self.now_us)))

    def audited(self) -> list[tuple[int | None, str, str]]:
        """Person, action and subject of every entry, oldest first."""
        with self.database.read() as connection:
            entries, _ = audit.list_entries(connection, audit.Filter(), 0, 1_000)
        return [(entry.person_id, entry.action, entry.subject) for entry in reversed(entries)]


@cache
def _make_blank() -> bytes:
    """A database that is up to date and empty: to bring one up to date takes half a second."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "stanch.sqlite"
        open_database(f"sqlite:///{path}").close()
        return path.read_bytes()


@contextmanager
def console_desk(folder: Path, now_us: int = START_US, **settings: Any) -> Iterator[ConsoleDesk]:
    path = folder / "stanch.sqlite"
    path.write_bytes(_make_blank())
    database = open_database(f"sqlite:///{path}")
    try:
        desk = ConsoleDesk(folder, ServiceSettings(**settings), database, SMALL, now_us)
        yield desk
        desk.service.jobs.close()
    finally:
        database.close()

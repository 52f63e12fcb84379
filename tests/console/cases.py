"""A small incident of the simulator, handed in and investigated as people do it."""

import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from console.desks import ConsoleDesk, Member
from stanch.cases.incidents import Actor
from stanch.cases.investigations import end_run, start_run
from stanch.console.answering import write_told
from stanch.console.evidence import OUT, TABLES, find_folder
from stanch.console.keeping import keep_evidence
from stanch.engine import open_engine
from stanch.investigate import Investigation, investigate
from stanch.progress import SilentProgress
from stanch.readers import ReadRequest
from stanch.settings import DEFAULTS
from stanch.simulation import simulate, write_incident

PIECE = 1 << 20
UPLOAD = "00112233445566aa"
#: A key of its own, so that one incident serves all tests.
KEY = b"k" * 32


def write_case(folder: Path, scale: float = 0.05) -> Path:
    """The four tables of a small shop."""
    write_incident(simulate("burst-2015", 0, scale=scale), folder)
    return folder


def investigate_case(case: Path, folder: Path, key: bytes = KEY) -> None:
    """What a job leaves in the folder of an incident."""
    names: dict[str, str] = {}
    read = ReadRequest(
        paths={name: (str(case / f"{name}.csv"),) for name in ("logins", "accesses", "orders", "complaints")},
        key=key,
        names=names,
    )
    # Fewer simulated histories than usual: these tests are not about the error rate.
    settings = msgspec.structs.replace(
        DEFAULTS, tracing=msgspec.structs.replace(DEFAULTS.tracing, simulations=1_000)
    )
    with closing(open_engine("duckdb", DEFAULTS.engine)) as engine:
        task = Investigation(read=read, out=folder / OUT)
        findings = investigate(task, settings, engine, SilentProgress(), datetime.now(UTC))
        keep_evidence(engine, findings, names, folder / TABLES)
        write_told(findings, engine, folder / OUT, folder / TABLES, "UTC")


def open_investigated(desk: ConsoleDesk, folder: Path) -> int:
    """An incident with the evidence in `folder`."""
    number = desk.open_incident()
    shutil.copytree(folder, find_folder(desk.service, number), dirs_exist_ok=True)

    def note(connection: Any) -> None:
        run = start_run(connection, number, "files", Actor(None, desk.now_us))
        end_run(connection, run, "done", desk.now_us)

    desk.database.write(note)
    return number


def hand_in(member: Member, number: int, path: Path, name: str = "", piece: int = PIECE) -> Any:
    """Send a file as the page does; what the last answer says."""
    content = path.read_bytes()
    offset, told = 0, None
    while told is None or offset < len(content):
        answer = send_piece(
            member, number, content[offset : offset + piece], offset, len(content), name or path.name
        )
        assert answer.status_code == 200, answer.text
        told = answer.json()
        offset = told["n_bytes"]
    return told


def send_piece(member: Member, number: int, body: bytes, offset: int, size: int, name: str = "a.csv") -> Any:
    member.headers["X-Console-Token"] = member.token
    query = {"upload": UPLOAD, "name": name, "size": size, "offset": offset}
    return member.ask("POST", f"/console/incidents/{number}/evidence", params=query, content=body)

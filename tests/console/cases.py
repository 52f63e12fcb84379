"""A small incident of the simulator, handed in and investigated as people do it."""

from pathlib import Path
from typing import Any

from console.desks import ConsoleDesk, Member
from stanch.simulation import simulate, write_incident

PIECE = 1 << 20
UPLOAD = "00112233445566aa"


def write_case(folder: Path, scale: float = 0.05) -> Path:
    """The four tables of a small shop."""
    write_incident(simulate("burst-2015", 0, scale=scale), folder)
    return folder


def hand_in(member: Member, number: int, path: Path, name: str = "", piece: int = PIECE) -> Any:
    """Send a file as the page does; what the last answer says."""
    content = path.read_bytes()
    member.headers["X-Console-Token"] = member.token
    offset, told = 0, None
    while told is None or offset < len(content):
        query = {"upload": UPLOAD, "name": name or path.name, "size": len(content), "offset": offset}
        answer = member.ask(
            "POST",
            f"/console/incidents/{number}/evidence",
            params=query,
            content=content[offset : offset + piece],
        )
        assert answer.status_code == 200, answer.text
        told = answer.json()
        offset = told["n_bytes"]
    return told


def wait_for_job(desk: ConsoleDesk) -> None:
    """Until nothing runs any more."""
    desk.service.jobs.wait()

"""Real server logs: what a reader who knows them would say, Stanch says too."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from stanch.cli import main


def run(out: Path, *arguments: str) -> dict[str, Any]:
    assert main(["investigate", "--out", str(out), "--quiet", *arguments]) == 0
    answer: dict[str, Any] = json.loads((out / "findings.json").read_bytes())
    return answer


def test_a_real_server_under_constant_guessing(shared_data: Path, tmp_path: Path) -> None:
    log = shared_data / "elastic-examples-logs" / "auth.log"
    answer = run(tmp_path / "out", "--logins", str(log))
    text = log.read_text(encoding="utf-8", errors="replace")
    assert len(re.findall(r"Accepted \w+ for", text)) <= answer["logins"]["attempts"]
    assert answer["campaigns"], "hundreds of guesses at root and admin are an attack"
    fallen = (tmp_path / "out" / "accounts.csv").read_text().splitlines()[1:]
    assert not any(line.startswith("ubuntu,") for line in fallen), "its owner signs in with his key"


def test_two_real_logs_and_one_without_logins(shared_data: Path, tmp_path: Path) -> None:
    auth = shared_data / "elastic-examples-logs" / "auth.log"
    other = shared_data / "ssh-auth-log" / "gtkcyber-auth.log"
    apache = shared_data / "elastic-examples-logs" / "apache_logs"
    answer = run(tmp_path / "out", "--logins", str(auth), str(other), str(apache))
    rows = {Path(read["path"]).name: read for read in answer["inputs"]}
    assert rows["auth.log"]["rows"] > 0
    assert rows["gtkcyber-auth.log"]["rows"] > 0
    assert rows["apache_logs"]["rows"] == 0
    assert rows["apache_logs"]["notes"], "it says that no line was a login, and how to set the rule"

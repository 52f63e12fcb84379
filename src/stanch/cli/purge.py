"""`stanch purge`: erase evidence past its retention, or of one person."""

from __future__ import annotations

import hmac
import sys
from contextlib import closing
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from cyclopts import Parameter

from stanch.cases.database import find_url, open_database
from stanch.cli.messages import clean, say
from stanch.errors import UsageError
from stanch.evidence.erasing import Erasing
from stanch.purge import Purge, find_files, purge
from stanch.purge.incidents import list_folders
from stanch.purge.run import list_lines
from stanch.service.secrets import load_secrets
from stanch.service.settings import find_data_dir
from stanch.settings import load_settings


def run_purge(
    *,
    before: Annotated[
        str | None, Parameter(help="Erase what is from before this day.", metavar="YYYY-MM-DD")
    ] = None,
    subject: Annotated[
        str | None,
        Parameter(
            help="Erase one person: an account, order, phone, staff account or number of a complaint.",
            metavar="ID",
        ),
    ] = None,
    also: Annotated[
        tuple[Path, ...],
        Parameter(
            help="Files and folders that Stanch wrote elsewhere: complaints, claims, readings, drafts.",
            metavar="PATH…",
            consume_multiple=True,
            negative=(),
            show_default=False,
        ),
    ] = (),
    yes: Annotated[bool, Parameter(help="Do not ask.", negative=(), show_default=False)] = False,
    config: Annotated[Path | None, Parameter(help="Settings (TOML).", metavar="FILE")] = None,
) -> int:
    """Erase evidence past its retention, or of one person, from everything that is stored.

    That is what `stanch serve` took in, agents' sessions that ran out, and what `--also` names. It says what
    would go, and asks. The audit keeps a keyed reference and counts, no name.

        stanch purge --before 2024-01-01 --yes

        stanch purge --subject ann@example.org --also complaints.jsonl claims.jsonl heard notices
    """
    if (before is None) == (subject is None) or subject == "":
        raise UsageError("purge needs --before DATE or --subject ID, one of them")
    settings = load_settings(config).service
    data_dir = find_data_dir(settings)
    erasing = Erasing(subject, _parse_day(before, settings.zone))
    secrets = load_secrets(data_dir)
    key = secrets.derive("purge")
    reference = hmac.digest(key, subject.encode(), "sha256").hex()[:24] if subject else None
    # What is too old goes with its incident, once that is closed; a person goes out of open ones as well.
    named = (*also, *(list_folders(data_dir) if subject else ()))
    wanted = Purge(erasing, find_files(named), reference, data_dir, secrets.derive("audit"))
    with closing(open_database(find_url(data_dir))) as database:
        planned = purge(wanted, database, datetime.now(UTC), write=False)
        _print(list_lines(planned, wanted.files.left))
        if not planned.n:
            print("nothing to erase")  # noqa: T201
            return 0
        _confirm(planned.n, yes=yes)
        done = purge(wanted, database, datetime.now(UTC), write=True)
    print(f"{done.n:,} erased")  # noqa: T201
    return 0


def _confirm(n: int, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nothing was erased: nobody was there to ask", hint="--yes erases without asking")
    say(f"{n:,} would be erased for good, as listed above. Type yes to erase:")
    if sys.stdin.readline().strip().lower() != "yes":
        raise UsageError("nothing was erased")


def _print(lines: list[str]) -> None:
    for line in lines:
        print(clean(line))  # noqa: T201


def _parse_day(text: str | None, zone: str) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), ZoneInfo(zone)).astimezone(UTC)
    except ValueError as error:
        raise UsageError(f"--before {text}: no day of the form YYYY-MM-DD") from error

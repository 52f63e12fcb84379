"""`stanch explain`: why an attempt, an account, an address or a campaign is held for an attack."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from stanch.errors import UsageError
from stanch.explain import (
    Selection,
    encode_explanations,
    explain,
    open_folder,
    select_attempts,
    tell_explanation,
    tell_nothing,
)


def run_explain(
    folder: Annotated[Path, Parameter(help="The --out of an earlier investigation.", metavar="DIR")],
    /,
    *,
    campaign: Annotated[
        str | None, Parameter(help="A campaign of its findings, such as c1.", metavar="ID")
    ] = None,
    account: Annotated[str | None, Parameter(help="An account of the shop.", metavar="NAME")] = None,
    ip: Annotated[
        str | None, Parameter(help="An address that attempts came from.", metavar="ADDRESS")
    ] = None,
    line: Annotated[
        str | None, Parameter(help="One attempt: its file, and its data row from 1.", metavar="FILE:N")
    ] = None,
    lang: Annotated[Literal["en", "zh"], Parameter(help="Language of the words.")] = "en",
    json: Annotated[bool, Parameter(help="Print JSON.", negative=(), show_default=False)] = False,
) -> int:
    """Say why, in words and numbers: every addend of the log-odds, for and against.

    Without a choice every campaign is explained:

        stanch explain findings
        stanch explain findings --account ann@example.org
        stanch explain findings --line logins.csv:4711 --lang zh
    """
    asked = {"campaign": campaign, "account": account, "ip": ip, "line": line}
    given = [(kind, name) for kind, name in asked.items() if name is not None]
    if len(given) > 1:
        raise UsageError(
            f"{' and '.join(f'--{kind}' for kind, _ in given)} ask for different things", hint="give one"
        )
    opened = open_folder(folder)
    wanted = given or [("campaign", found.id) for found in opened.findings.campaigns]
    chosen: list[Selection] = [select_attempts(opened, kind, name) for kind, name in wanted]  # type: ignore[arg-type]
    told = [explain(opened, selection) for selection in chosen]
    if json:
        sys.stdout.buffer.write(encode_explanations(told, opened, lang))
        return 0
    if not told:
        print(tell_nothing(lang))  # noqa: T201
    for number, explanation in enumerate(told):
        print("\n".join(([""] if number else []) + tell_explanation(explanation, opened, lang)))  # noqa: T201
    return 0

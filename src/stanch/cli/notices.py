"""`stanch notices`: the findings -> warnings to customers and drafts of the notices due."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from stanch.cli.messages import say
from stanch.evidence.times import check_zone
from stanch.notices import open_documents, prepare_folder, write_notices
from stanch.reporting.catalogue import Lang


def run_notices(
    folder: Annotated[Path, Parameter(help="The --out of a finished investigation.", metavar="DIR")],
    /,
    *,
    out: Annotated[Path, Parameter(help="New folder for drafts and warnings.", metavar="OUT")],
    shop: Annotated[
        Path | None, Parameter(help="Facts that the shop alone knows (TOML).", metavar="FILE")
    ] = None,
    lang: Annotated[Literal["en", "zh", "both"], Parameter(help="Language of the pages.")] = "both",
    zone: Annotated[str, Parameter(help="Zone of the times told.", metavar="TZ")] = "UTC",
    pdf: Annotated[
        bool, Parameter(help="Write the notices as PDF too.", negative=(), show_default=False)
    ] = False,
    quiet: Annotated[bool, Parameter(help="No closing lines.", negative=(), show_default=False)] = False,
) -> int:
    """Write whom to warn and with which words, and drafts of the notices that the law asks for.

    Nothing is sent. What the callers say and ask is what the investigation read in the complaints. Every
    figure names its source; what only a person can know is marked. Open
    OUT/index.en.html to read on:

        stanch notices findings --out notices --shop shop.toml --zone Asia/Shanghai

    Without --shop a file OUT/shop.example.toml is written that lists what can be told.
    """
    documents = open_documents(folder, shop)
    check_zone(zone)
    prepare_folder(out)
    langs: tuple[Lang, ...] = ("en", "zh") if lang == "both" else (lang,)
    gaps = write_notices(documents, out, langs, zone, pdf=pdf, example=shop is None)
    if not quiet:
        say(f"Drafts, not sent: {out / f'index.{langs[0]}.html'}")
        if gaps:
            say(f"For a person to fill in: {'; '.join(gaps)}")
    return 0

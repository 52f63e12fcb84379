"""`stanch complaints`: what the complaints' texts tell."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from stanch.cli.messages import say
from stanch.cli.progress import show_progress
from stanch.cli.stdin import STDIN_PATH
from stanch.errors import UsageError
from stanch.evidence.tables import COMPLAINTS
from stanch.evidence.times import check_zone

app = App(
    name="complaints",
    help="Complaints: brought in, texts read, early warning, claims, the council's table.",
)
app.command("stanch.cli.intake:run_import", name="import")
app.command("stanch.cli.watch:watch_complaints", name="watch")
app.command("stanch.cli.claims:claims_app", name="claims")
app.command("stanch.cli.claims:show_table", name="table")


@app.command(name="read")
def run_read(
    *files: Annotated[str, Parameter(help="Complaints with a column `text`.", metavar="FILE")],
    out: Annotated[Path, Parameter(help="Folder for what was read; made if missing.", metavar="DIR")],
    zone: Annotated[
        str | None,
        Parameter(
            help=(
                "Zone of the complaints; by default Asia/Shanghai for Chinese texts, Europe/London for Englis"
                "h."
            ),
            metavar="TZ",
        ),
    ] = None,
    currency: Annotated[
        str | None,
        Parameter(
            help="Currency of amounts without one outside Chinese texts; by default GBP.", metavar="CODE"
        ),
    ] = None,
    map: Annotated[
        tuple[str, ...],
        Parameter(
            help="Rename a column; may be repeated.", metavar="COLUMN=THEIRS", negative=(), show_default=False
        ),
    ] = (),
    encoding: Annotated[
        str | None, Parameter(help="Encoding of text files, where the guess is wrong.", metavar="NAME")
    ] = None,
    corrections: Annotated[
        Path | None,
        Parameter(
            help=(
                "What a person corrected (CSV or JSON Lines); kept in DIR and laid over every later reading."
            ),
            metavar="FILE",
        ),
    ] = None,
    model: Annotated[
        Path | None, Parameter(help="Kinds by a model that `complaints train` made.", metavar="FILE")
    ] = None,
    quiet: Annotated[
        bool, Parameter(help="No progress, no closing line.", negative=(), show_default=False)
    ] = False,
) -> int:
    """Read complaints: when the caller came, as whom, what was told, asked and known, what was lost.

    Writes read.jsonl (one object a complaint, in their order) and scripts.json (the scripts they follow) into
    DIR. Works without a network; no link is ever opened.

        stanch complaints read calls.csv --out heard
    """
    from stanch.complaints.model import load_model
    from stanch.complaints.reading import read_report
    from stanch.listen import Listening, ModelReader, listen

    if not files:
        raise UsageError("no complaints given", hint="name at least one file")
    if zone is not None:
        check_zone(zone)
    if currency is not None and not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise UsageError(f"--currency {currency}: is no code of ISO 4217", hint="for example EUR")
    case = Listening(
        files=["-" if file == STDIN_PATH else file for file in files],
        out=out,
        zone=zone,
        currency=currency.upper() if currency else None,
        renames=_parse_renames(map),
        encoding=encoding,
        corrections=corrections,
        reader=ModelReader(load_model(model)) if model is not None else read_report,
    )
    with show_progress(quiet=quiet) as progress:
        heard = listen(case, progress)
    if not quiet and sys.stderr.isatty():
        rejected = f", {heard.n_rejects:,} rejected" if heard.n_rejects else ""
        say(f"{heard.n_complaints:,} complaints read{rejected}, {len(heard.scripts):,} scripts")
        for script in heard.scripts[:5]:
            say(f"{script.id}: {script.name['en']}: {script.count:,}, since {script.first}")
        say(f"What they tell lies in {out / 'read.jsonl'}")
    return 0


@app.command(name="train")
def run_train(
    *files: Annotated[
        str, Parameter(help="Texts with their kind: columns `text` and `kind`.", metavar="LABELLED")
    ],
    out: Annotated[Path, Parameter(help="The model's file.", metavar="MODEL")],
    encoding: Annotated[
        str | None, Parameter(help="Encoding of text files, where the guess is wrong.", metavar="NAME")
    ] = None,
    quiet: Annotated[
        bool, Parameter(help="No progress, no closing line.", negative=(), show_default=False)
    ] = False,
) -> int:
    """Train a model of kinds on texts of your own, for `stanch complaints read --model MODEL`.

    stanch complaints train labelled.csv --out kinds.npz
    """
    from stanch.complaints.model import save_model, train
    from stanch.listen import read_labelled

    if not files:
        raise UsageError("no texts given", hint="name at least one file")
    with show_progress(quiet=quiet) as progress:
        texts, kinds = read_labelled(files, encoding, progress)
        with progress.task("training"):
            model = train(texts, kinds)
    save_model(model, out)
    if not quiet and sys.stderr.isatty():
        say(f"{len(texts):,} texts of {len(model.kinds)} kinds; the model lies in {out}")
    return 0


def _parse_renames(pairs: tuple[str, ...]) -> dict[str, str]:
    renames: dict[str, str] = {}
    for pair in pairs:
        column, equals, theirs = pair.partition("=")
        column = column.removeprefix("complaints.")
        if not (equals and theirs) or column not in COMPLAINTS.column_names:
            raise UsageError(
                f"--map {pair}: not of the form COLUMN=THEIR_COLUMN",
                hint=f"known: {' '.join(COMPLAINTS.column_names)}",
            )
        renames[column] = theirs
    return renames

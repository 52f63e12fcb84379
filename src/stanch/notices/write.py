"""All files of `stanch notices`: a folder that a person reads, fills in, edits and then sends from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from stanch import __version__
from stanch.errors import UsageError
from stanch.notices.audiences import list_recipients
from stanch.notices.drafts import REQUIRED, Draft, make_draft
from stanch.notices.figures import Ledger
from stanch.notices.folder import Documents
from stanch.notices.messages import Message, render_banner, tell_banner, write_messages
from stanch.notices.pages import render_draft, render_index
from stanch.notices.pdf import render_pdf
from stanch.notices.shop import render_example
from stanch.notices.sms import measure_sms
from stanch.reporting.catalogue import Lang, load_catalogue
from stanch.reporting.cells import write_csv

MESSAGES: Final = "messages"


def prepare_folder(out: Path) -> None:
    """Make `out`; texts that a person may have edited there are never written over.

    Raises:
        UsageError: it is a file, cannot be made, or holds anything.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise UsageError(f"--out {out} is not empty", hint="name a new folder: texts may be edited there")
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}", hint="name a folder you may write to") from error


def write_notices(
    documents: Documents, out: Path, langs: Sequence[Lang], zone: str, *, pdf: bool, example: bool
) -> list[str]:
    """Write everything into the prepared folder; what is still to be filled in, in the first language.

    Raises:
        UsageError: a PDF was asked for and cannot be made.
    """
    (out / MESSAGES).mkdir()
    recipients = list_recipients(documents)
    write_csv(out / "recipients.csv", recipients)
    figures: list[dict[str, Any]] = []
    gaps: list[str] = []
    for lang in langs:
        texts = load_catalogue(lang, "stanch.notices", zone=zone)
        words = load_catalogue(lang, zone=zone)
        drafts = [make_draft(name, documents, texts, words) for name in REQUIRED]
        messages = write_messages(documents, texts)
        for draft in drafts:
            page = render_draft(draft, Ledger(documents, texts, words), __version__)
            _write(out / f"{draft.name}.{lang}.html", page)
            if pdf:
                (out / f"{draft.name}.{lang}.pdf").write_bytes(render_pdf(page))
            figures += [{"page": f"{draft.name}.{lang}.html"} | msgspec.to_builtins(f) for f in draft.figures]
        banner = tell_banner(documents, texts)
        _write_messages(out / MESSAGES, messages, render_banner(banner, texts), lang)
        index = render_index(Ledger(documents, texts, words), drafts, messages, banner, recipients)
        _write(out / f"index.{lang}.html", index)
        gaps = gaps or _list_gaps(drafts)
    _write(out / "figures.json", msgspec.json.format(msgspec.json.encode(figures), indent=1).decode() + "\n")
    if example:
        _write(out / "shop.example.toml", render_example())
    return gaps


def _list_gaps(drafts: Sequence[Draft]) -> list[str]:
    return list(dict.fromkeys(gap for draft in drafts for gap in draft.gaps))


def _write_messages(folder: Path, messages: Sequence[Message], banner: str, lang: str) -> None:
    lengths = {}
    for message in messages:
        stem = f"{message.audience}.{lang}"
        _write(folder / f"{stem}.sms.txt", f"{message.sms}\n")
        _write(folder / f"{stem}.mail.txt", f"{message.subject}\n\n{message.mail}")
        _write(folder / f"{stem}.mail.html", message.mail_html)
        lengths[stem] = msgspec.to_builtins(measure_sms(message.sms))
    _write(folder / f"banner.{lang}.html", banner)
    _write(folder / f"lengths.{lang}.json", msgspec.json.format(msgspec.json.encode(lengths)).decode() + "\n")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")

"""Kind and script of complaints from their texts, as they were known on the day."""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

from stanch.complaints.many import read_many
from stanch.complaints.reading import Report, read_report
from stanch.complaints.scripts import follow_scripts
from stanch.complaints.summary import name_script
from stanch.complaints.wording import Lang
from stanch.progress import Progress

_LABELS: Final = {"complaint": pl.String, "kind": pl.String, "script": pl.String}


def label_by_text(reports: pl.DataFrame, lang: Lang, progress: Progress) -> pl.DataFrame:
    """`complaint`, `kind` and `script` of those of `reports` that have a text.

    `reports` has `complaint`, `day`, `received_us` and `text`. A script is named in words and by its number
    in the order in which scripts were noticed, so that it is called the same in every later replay.
    """
    told_of = reports.filter(pl.col("text").fill_null("").str.strip_chars() != "")
    told_of = told_of.sort("day", "received_us", "complaint", maintain_order=True)
    asked = [Report(text, at) for text, at in told_of.select("text", "received_us").iter_rows()]
    with progress.task("reading texts", total=len(asked)) as task:
        told = list(read_many(asked, read_report, task.advance))
    days: list[date] = told_of["day"].to_list()
    with progress.task("following scripts"):
        followed = follow_scripts(told, days)
    names = [
        f"s{number} {name_script([told[i].reading for i in founders], lang)}"
        for number, founders in enumerate(followed.founders, start=1)
    ]
    labels = [names[label] if label >= 0 else None for label in followed.labels]
    kinds = [one.reading.kind for one in told]
    return pl.DataFrame({"complaint": told_of["complaint"], "kind": kinds, "script": labels}, schema=_LABELS)

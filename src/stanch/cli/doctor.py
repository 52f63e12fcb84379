"""`stanch doctor`: what this machine offers, which settings hold, what is insecure."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import polars as pl
from cyclopts import Parameter

from stanch import __version__
from stanch.cli.doctor_guard import check_guard
from stanch.cli.doctor_service import Check, check_service
from stanch.engine import open_engine
from stanch.errors import StanchError
from stanch.settings import Settings, list_settings, load_settings


def run_doctor(
    *, config: Annotated[Path | None, Parameter(help="Settings to check (TOML).", metavar="FILE")] = None
) -> int:
    """Check the environment, the engine and the settings; exit status 1 if something is bad."""
    settings = load_settings(config)
    checks = [
        *_check_machine(settings),
        *_check_engines(settings),
        *check_service(settings.service),
        *check_guard(settings),
        *_list_changed(settings),
    ]
    for check in checks:
        print(f"{check.mark:4}  {check.subject:22}  {check.finding}")  # noqa: T201
    return 1 if any(check.mark == "bad" for check in checks) else 0


def _check_machine(settings: Settings) -> Iterator[Check]:
    yield Check("ok", "stanch", __version__)
    yield Check("ok", "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    limit_mb = settings.engine.memory_limit_mb
    yield Check(
        "ok" if limit_mb * 1.5 <= memory_mb else "bad",
        "memory",
        f"{memory_mb:,} MB; engine.memory_limit_mb = {limit_mb:,}",
    )
    folder = settings.engine.temp_dir or tempfile.gettempdir()
    try:
        free_gb = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        yield Check("bad", "temporary folder", f"{folder}: {error.strerror}")
    else:
        yield Check(
            "ok" if free_gb >= 10 else "note", "temporary folder", f"{folder}: {free_gb:,.0f} GB free"
        )


def _check_engines(settings: Settings) -> Iterator[Check]:
    for name in ("duckdb", "spark"):
        try:
            with closing(open_engine(name, settings.engine)) as engine:
                engine.put("probe", pl.DataFrame({"n": [1, 2, 3]}))
                works = engine.fetch("SELECT sum(n) AS s FROM probe").item() == 6
        except StanchError as error:
            yield Check("note" if name == "spark" else "bad", f"engine {name}", str(error))
        else:
            package = {"duckdb": "duckdb", "spark": "pyspark"}[name]
            version = importlib.metadata.version(package)
            yield Check("ok" if works else "bad", f"engine {name}", f"{version}, computes")


def _list_changed(settings: Settings) -> Iterator[Check]:
    defaults = {key: default for key, _, default, _ in list_settings()}
    changed = 0
    for key, default in defaults.items():
        value: object = settings
        for part in key.split("."):
            value = getattr(value, part)
        if value != default:
            changed += 1
            yield Check("note", key, f"{value!r} (default {default!r})")
    yield Check("ok", "settings", f"{changed} of {len(defaults)} differ from the defaults")

"""Which log format a file is of: told from its first lines, or named by the user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from stanch.errors import UsageError
from stanch.readers.contract import LogReader, ReadContext
from stanch.readers.formats.auth0 import Auth0Reader
from stanch.readers.formats.combined import CombinedReader
from stanch.readers.formats.ecs import EcsReader
from stanch.readers.formats.keycloak import KeycloakReader
from stanch.readers.formats.nginx_json import NginxJsonReader
from stanch.readers.formats.ocsf import OcsfReader
from stanch.readers.formats.okta import OktaReader
from stanch.readers.formats.sshd import SshdReader

#: Every format, more particular ones first: among equals the first wins.
FORMATS: Final[tuple[Callable[[ReadContext], LogReader], ...]] = (
    OcsfReader,
    OktaReader,
    Auth0Reader,
    KeycloakReader,
    EcsReader,
    NginxJsonReader,
    CombinedReader,
    SshdReader,
)

#: A file is of a format if at least this share of its first lines is.
MIN_SHARE: Final = 0.5
_MAX_SAMPLE: Final = 500


def format_names() -> tuple[str, ...]:
    """What `--log-format` may say."""
    return tuple(reader.name for reader in list_formats())


def list_formats(context: ReadContext | None = None) -> list[LogReader]:
    """A fresh reader of each format."""
    return [make(context or ReadContext()) for make in FORMATS]


def detect_format(sample: Sequence[str], table: str, context: ReadContext | None = None) -> LogReader | None:
    """A fresh reader of the format that `sample` is of and that can fill `table`, or None."""
    lines = [line for line in sample if line.strip()][:_MAX_SAMPLE]
    if not lines:
        return None
    readers = [reader for reader in list_formats(context) if table in reader.tables]
    shares = [reader.recognise(lines) for reader in readers]
    best = max(shares, default=0.0)
    return readers[shares.index(best)] if best >= MIN_SHARE else None


def open_format(name: str, table: str, context: ReadContext | None = None) -> LogReader:
    """A fresh reader of the format called `name`.

    Raises:
        UsageError: there is no such format, or it cannot fill `table`.
    """
    readers = {reader.name: reader for reader in list_formats(context)}
    if name not in readers:
        raise UsageError(f"there is no log format {name!r}", hint=f"known: {', '.join(sorted(readers))}")
    if table not in readers[name].tables:
        able = sorted(known for known, reader in readers.items() if table in reader.tables)
        raise UsageError(
            f"the log format {name!r} cannot fill {table}", hint=f"formats that can: {', '.join(able)}"
        )
    return readers[name]

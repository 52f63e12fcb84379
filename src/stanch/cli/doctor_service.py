"""What the doctor finds about the service: where it listens, what it stores, what its forms say."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from stanch.errors import StanchError
from stanch.service.settings import ServiceSettings, find_data_dir


class Check(NamedTuple):
    """One line of the doctor's report."""

    mark: Literal["ok", "note", "bad"]
    subject: str
    finding: str


def check_service(settings: ServiceSettings) -> Iterator[Check]:
    """What is insecure about the service as it is set up."""
    from stanch.service.server import find_address, is_private

    data_dir = find_data_dir(settings)
    n_keys = None
    if not data_dir.exists() and "STANCH_DATABASE_URL" not in os.environ:
        yield Check("ok", "service", f"never started: {data_dir} is not there yet")
    else:
        yield from _check_modes(data_dir)
        try:
            n_keys = _count_keys(data_dir)
        except StanchError as error:
            remedy = "is it running, and is that what STANCH_DATABASE_URL or service.data_dir names?"
            yield Check("bad", "service database", f"{error}: {remedy}")
        else:
            yield Check("ok" if n_keys else "note", "service keys", f"{n_keys} in use")
    try:
        is_public = not is_private(find_address(settings.host))
    except StanchError as error:
        yield Check("bad", "service.host", str(error))
        return
    if is_public:
        finding = f"{settings.host} can be reached by others"
        remedy = "" if n_keys else ", and no key is set: stanch keys add NAME --scope shop"
        yield Check("note" if n_keys else "bad", "service.host", finding + remedy)
    yield from _check_transport(settings, is_public=is_public)
    yield from _check_forms(settings)


def _check_modes(data_dir: Path) -> Iterator[Check]:
    paths = [data_dir, *data_dir.iterdir()] if data_dir.is_dir() else []
    readable = [path.name for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if readable:
        finding = f"others than the owner may read {', '.join(sorted(readable))} (chmod go= them)"
        yield Check("bad", "service.data_dir", finding)
    else:
        yield Check("ok", "service.data_dir", f"{data_dir}, its owner's alone")


def _count_keys(data_dir: Path) -> int:
    from stanch.cases.database import find_url, open_database
    from stanch.cases.keys import list_keys

    database = open_database(find_url(data_dir))
    try:
        with database.read() as connection:
            return sum(key.revoked_us is None for key in list_keys(connection))
    finally:
        database.close()


def _check_transport(settings: ServiceSettings, *, is_public: bool) -> Iterator[Check]:
    if settings.is_https:
        if not settings.trusted_proxies:
            finding = "empty: all who come through the proxy count as one address; name the proxy's"
            yield Check("note", "service.trusted_proxies", finding)
    elif is_public or settings.public_url:
        finding = "without TLS, keys and reports can be read on the way: put a proxy with TLS before it"
        yield Check("bad", "service.public_url", finding)
    for proxy in settings.trusted_proxies:
        if proxy.endswith("/0"):
            finding = f"{proxy} trusts everybody to say where they come from"
            yield Check("bad", "service.trusted_proxies", finding)


def _check_forms(settings: ServiceSettings) -> Iterator[Check]:
    gaps = [f"notice_{lang}" for lang in ("en", "zh") if not getattr(settings.forms, f"notice_{lang}")]
    if gaps:
        yield Check("note", "service.forms", f"the privacy notice has gaps: write {' and '.join(gaps)}")

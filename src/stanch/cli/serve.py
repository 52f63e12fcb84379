"""`stanch serve`: the service, until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from stanch.cli.messages import say
from stanch.settings import load_settings

if TYPE_CHECKING:
    from stanch.service.state import Service


def run_serve(
    *,
    host: Annotated[
        str | None, Parameter(help="Address to listen on; 127.0.0.1 unless the settings say otherwise.")
    ] = None,
    port: Annotated[
        int | None, Parameter(help="Port to listen on; 8080 unless the settings say otherwise.")
    ] = None,
    config: Annotated[Path | None, Parameter(help="Settings (TOML).", metavar="FILE")] = None,
) -> int:
    """Take in evidence over HTTP, reports of scam contacts by forms, and show the console at /console.

    Only this machine can reach it unless `--host` says otherwise, which needs a key first:

        stanch keys add shipper --scope ingest
        stanch serve --port 8080
    """
    from stanch.console import make_operations, offer_first_link, tell_failure
    from stanch.errors import UsageError
    from stanch.service.logs import set_up_logging
    from stanch.service.server import run_service

    settings = load_settings(config)
    if port is not None and not 1 <= port <= 65535:
        raise UsageError(f"--port {port} is out of range", hint="1 to 65535")
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    service = msgspec.structs.replace(settings.service, **given)
    set_up_logging(service.log)

    def announce(url: str, running: Service) -> None:
        say(f"stanch: listening on {url} (Ctrl-C stops it)")
        if path := offer_first_link(running):
            say(f"stanch: make the console's first administrator, within an hour:\n{shown or url}{path}")

    shown = settings.service.public_url
    whole = msgspec.structs.replace(settings, service=service)
    run_service(whole, config, announce, more=make_operations(), tell=tell_failure)
    say("stanch: stopped")
    return 0

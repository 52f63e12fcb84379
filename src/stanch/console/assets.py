"""Scripts and styles, ours and vendored: named by their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from stanch.service.operations import Content, Open, Operation

_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_KEPT: Final = {"Cache-Control": "public, max-age=31536000, immutable"}


@cache
def _read(name: str) -> bytes:
    return files("stanch.console").joinpath("page", *name.split("/")).read_bytes()


@cache
def find_asset(name: str) -> str:
    """Where a page asks for a file."""
    return f"/console/assets/{name}?v={hashlib.sha256(_read(name)).hexdigest()[:12]}"


def _make_operation(name: str, media_type: str) -> Operation:
    content = _read(name)

    async def give(_request: Request) -> Response:
        return Response(content, headers=_KEPT, media_type=media_type)

    handler: Open = give
    return Operation(
        "GET",
        f"/console/assets/{name}",
        f"console_asset_{name.replace('/', '_').replace('.', '_')}",
        "Part of the console's pages.",
        handler,
        {200: Content({media_type: None})},
    )


def make_asset_operations() -> tuple[Operation, ...]:
    """A route for every script, style and picture in `page/`; `vendor.toml` says whence those of others."""
    found = [
        (f"{folder}{file.name}", kind)
        for folder in ("", "vendor/")
        for file in files("stanch.console").joinpath("page", folder).iterdir()
        if (kind := _TYPES.get(PurePath(file.name).suffix))
    ]
    return tuple(_make_operation(name, kind) for name, kind in sorted(found))

"""Scripts and styles, ours and vendored: named by their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from stanch.service.operations import Content, Open, Operation

_SCRIPT: Final = "text/javascript"
_STYLE: Final = "text/css"
#: Every file that pages may ask for; `page/vendor/vendor.toml` says where those of others come from.
ASSETS: Final = {
    "console.css": _STYLE,
    "console.js": _SCRIPT,
    "drafts.js": _SCRIPT,
    "handing_in.js": _SCRIPT,
    "timeline.js": _SCRIPT,
    "mark.svg": "image/svg+xml",
    "vendor/htmx.min.js": _SCRIPT,
    "vendor/uPlot.iife.min.js": _SCRIPT,
    "vendor/uPlot.min.css": _STYLE,
}
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


ASSET_OPERATIONS: Final = tuple(_make_operation(name, kind) for name, kind in ASSETS.items())

"""`manifest.json`: what a bundle holds and how its answer was made. The one file that is signed."""

from __future__ import annotations

import platform
import re
from importlib import metadata
from typing import Any, Final

import msgspec
from msgspec import Struct

from stanch.findings import Run

SCHEMA: Final = 1
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
PUBLIC_KEY: Final = "public_key.pem"
#: Files that the manifest does not list: itself, and what vouches for it.
UNLISTED: Final = (MANIFEST, SIGNATURE, PUBLIC_KEY)
#: Where the answer lies in a bundle.
FINDINGS: Final = "outputs/findings.json"

#: Parts of a file name that are one folder or file, and nothing else.
_SAFE_PART: Final = re.compile(r"(?!\.\.?$)[^/\\:\x00-\x1f\x7f]{1,200}")


class ListedFile(Struct, frozen=True):
    """One file of the bundle; `path` is relative to it, with `/`."""

    path: str
    sha256: str
    bytes: int


class ListedInput(Struct, frozen=True):
    """One file that was read; `bytes` is None for what has no size, such as standard input."""

    table: str
    path: str
    sha256: str
    bytes: int | None
    rows: int
    rejects: int
    format: str
    encoding: str


class Parameters(Struct, frozen=True):
    """Everything that the answer depends on beside the inputs."""

    #: The command line, without what is the default.
    command: list[str]
    seed: int
    zone: str
    lang: str
    engine: str
    log_format: str | None
    encoding: str | None
    #: Table -> column -> its name in the inputs.
    maps: dict[str, dict[str, str]]
    #: Whether people are hashes under a key; the key is not told.
    pseudonymised: bool
    acted: str | None
    #: The whole tree of settings.
    settings: dict[str, Any]


class SignedBy(Struct, frozen=True):
    """Whose signature belongs to this manifest."""

    algorithm: str
    fingerprint: str


class Manifest(Struct, frozen=True):
    """The content of `manifest.json`."""

    bundle: int
    run: Run
    versions: dict[str, str]
    parameters: Parameters
    inputs: list[ListedInput]
    files: list[ListedFile]
    signed_by: SignedBy


def encode_manifest(manifest: Manifest) -> bytes:
    """UTF-8 JSON, indented, ending in a newline."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def list_versions() -> dict[str, str]:
    """Stanch, Python, the system, and every library that Stanch asks for."""
    names = [
        found[0]
        for line in metadata.requires("stanch") or ()
        if "extra ==" not in line and (found := re.match(r"[\w.-]+", line))
    ]
    own = {
        "stanch": metadata.version("stanch"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    return own | {name: metadata.version(name) for name in sorted(names)}


def is_safe(path: str) -> bool:
    """Whether `path` stays inside the bundle on every system."""
    return len(path) <= 400 and all(_SAFE_PART.fullmatch(part) for part in path.split("/"))

"""Whether a bundle is as it was signed: every file, the list of them, and whose signature it is."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Final

import msgspec

from stanch.bundle.contents import Contents
from stanch.bundle.keys import ALGORITHM, is_signed, read_public_key, write_fingerprint
from stanch.bundle.manifest import MANIFEST, PUBLIC_KEY, SCHEMA, SIGNATURE, UNLISTED, Manifest, is_safe
from stanch.errors import UsageError
from stanch.reporting.cells import show_text

_CHUNK: Final = 1 << 20
_MOST_BYTES: Final = {MANIFEST: 64 << 20, SIGNATURE: 1 << 10, PUBLIC_KEY: 1 << 14}
#: What reading a damaged entry of a zip raises.
_DAMAGE: Final = (zipfile.BadZipFile, zlib.error, EOFError)


@dataclass(slots=True)
class Checked:
    """What the check came to."""

    #: None where its bytes are not JSON of this kind any more.
    manifest: Manifest | None = None
    #: Of the key in the bundle; empty where there is none.
    fingerprint: str = ""
    #: One plain line each; none: the bundle is as it was signed.
    problems: list[str] = field(default_factory=list)


def check_bundle(contents: Contents, fingerprint: str | None = None) -> Checked:
    """Hold every file against the manifest, and the manifest against its signature.

    `fingerprint`: the key's, as it was kept apart; None: any key will do.

    Raises:
        UsageError: this is no bundle, or one of a later version.
    """
    if MANIFEST not in contents.sizes:
        raise UsageError(f"holds no {MANIFEST}, so it is no bundle")
    checked = Checked()
    raw = {name: _read_small(contents, name, checked) for name in UNLISTED}
    _check_signature(raw, checked, fingerprint)
    try:
        checked.manifest = msgspec.json.decode(raw[MANIFEST] or b"", type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        if not checked.problems:
            raise UsageError(f"{MANIFEST} cannot be understood: another version of Stanch made it") from error
        checked.problems.append(f"{MANIFEST} cannot be understood")
        return checked
    _check_manifest(checked.manifest, checked)
    _check_files(contents, checked.manifest, checked)
    return checked


def _check_signature(raw: dict[str, bytes | None], checked: Checked, fingerprint: str | None) -> None:
    manifest, signature, pem = (raw[name] for name in (MANIFEST, SIGNATURE, PUBLIC_KEY))
    if manifest is None or signature is None or pem is None:
        return
    key = read_public_key(pem)
    if key is None:
        checked.problems.append(f"{PUBLIC_KEY} holds no {ALGORITHM} key")
        return
    checked.fingerprint = write_fingerprint(key)
    if not is_signed(key, signature, manifest):
        checked.problems.append(f"the signature does not fit {MANIFEST}: one of the two was altered")
    if fingerprint is not None and fingerprint != checked.fingerprint:
        checked.problems.append(f"another key signed it: {checked.fingerprint}")


def _check_manifest(manifest: Manifest, checked: Checked) -> None:
    if manifest.bundle != SCHEMA:
        raise UsageError("is a bundle of another version of Stanch", hint="verify it with that version")
    if checked.fingerprint and manifest.signed_by.fingerprint != checked.fingerprint:
        checked.problems.append(f"{PUBLIC_KEY} is not the key that {MANIFEST} names")
    names = [listed.path for listed in manifest.files]
    if len(set(names)) < len(names) or not all(map(is_safe, names)):
        raise UsageError(f"{MANIFEST} lists names that no bundle has")


def _check_files(contents: Contents, manifest: Manifest, checked: Checked) -> None:
    listed = {file.path: file for file in manifest.files}
    for name, file in listed.items():
        if name not in contents.sizes:
            checked.problems.append(f"missing: {show_text(name)}")
        elif contents.sizes[name] != file.bytes or _hash(contents, name) != file.sha256:
            checked.problems.append(f"altered: {show_text(name)}")
    added = sorted(set(contents.sizes) - set(listed) - set(UNLISTED))
    checked.problems += [f"added: {show_text(name)}" for name in added]


def _read_small(contents: Contents, name: str, checked: Checked) -> bytes | None:
    """One of the files that vouch; None, and a problem, where it is missing, damaged or far too long."""
    if name not in contents.sizes:
        checked.problems.append(f"missing: {name}")
        return None
    try:
        with contents.open(name) as stream:
            data = stream.read(_MOST_BYTES[name] + 1)
    except _DAMAGE:
        data = b""
    if not data or len(data) > _MOST_BYTES[name]:
        checked.problems.append(f"altered: {name}")
        return None
    return data


def _hash(contents: Contents, name: str) -> str:
    digest = hashlib.sha256()
    try:
        with contents.open(name) as stream:
            while data := stream.read(_CHUNK):
                digest.update(data)
    except _DAMAGE:
        return ""
    return digest.hexdigest()

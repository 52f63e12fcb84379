"""Writes `bundle/` and `bundle.zip` beside the answer.

The same run gives the same bytes, but for what tells the time of the run: `findings.json` and `report.html`
(their object `run`), the manifest that lists their hashes, and its signature.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import Template
from markupsafe import Markup

from stanch.bundle.keys import ALGORITHM, Signer
from stanch.bundle.manifest import (
    MANIFEST,
    PUBLIC_KEY,
    SCHEMA,
    SIGNATURE,
    ListedFile,
    ListedInput,
    Manifest,
    Parameters,
    SignedBy,
    encode_manifest,
    list_versions,
)
from stanch.bundle.rows import write_rows
from stanch.bundle.statements import STATEMENTS, Statement, encode_statements, list_statements
from stanch.engine import Engine
from stanch.findings import Findings
from stanch.readers import ReadRequest
from stanch.readers.files import show_path
from stanch.reporting.catalogue import Catalogue, Lang, load_catalogue
from stanch.reporting.cells import show_text
from stanch.reporting.folder import BUNDLE, BUNDLE_ZIP, OUTPUT_NAMES
from stanch.reporting.templates import open_templates
from stanch.settings import Settings

INDEX: Final = "index.html"
#: The earliest date that a zip can hold (PKWARE APPNOTE 4.4.6): files bear no date of their own.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class BundleRequest:
    """That a bundle is wanted: who signs it, and the command line that it tells."""

    signer: Signer
    command: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """What an answer was made from: inputs, settings, and what the run was told beside them."""

    read: ReadRequest
    settings: Settings
    lang: Lang
    acted: str | None = None


def write_bundle(
    out: Path,
    request: BundleRequest,
    origin: Origin,
    findings: Findings,
    engine: Engine,
) -> None:
    """Write both into `out`, where all outputs lie already."""
    folder = out / BUNDLE
    (folder / "outputs").mkdir(parents=True)
    for name in OUTPUT_NAMES:
        if (out / name).exists():
            shutil.copyfile(out / name, folder / "outputs" / name)
    read = origin.read
    rows = write_rows(folder, out, findings, engine, origin.settings.tracing, with_channel=read.key is None)
    own, report = (
        load_catalogue(origin.lang, package, zone=read.zone)
        for package in ("stanch.bundle", "stanch.reporting")
    )
    statements = list_statements(folder, findings, engine, rows, own=own, report=report)
    (folder / STATEMENTS).write_bytes(encode_statements(statements))
    (folder / PUBLIC_KEY).write_bytes(request.signer.public_pem)
    page = _render_index(statements, findings, request.signer, own)
    (folder / INDEX).write_text(page, encoding="utf-8", newline="\n")
    manifest = encode_manifest(
        Manifest(
            bundle=SCHEMA,
            run=findings.run,
            versions=list_versions(),
            parameters=_list_parameters(request, origin, findings),
            inputs=_list_inputs(read, findings),
            files=_list_files(folder),
            signed_by=SignedBy(ALGORITHM, request.signer.fingerprint),
        )
    )
    (folder / MANIFEST).write_bytes(manifest)
    (folder / SIGNATURE).write_bytes(request.signer.sign(manifest))
    _zip(folder, out / BUNDLE_ZIP)


def _list_parameters(request: BundleRequest, origin: Origin, findings: Findings) -> Parameters:
    read = origin.read
    return Parameters(
        command=[show_text(word, 4000) for word in request.command],
        seed=findings.run.seed,
        zone=read.zone,
        lang=origin.lang,
        engine=findings.run.engine,
        log_format=read.log_format,
        encoding=read.encoding,
        maps={table: dict(columns) for table, columns in read.renames.items()},
        pseudonymised=read.key is not None,
        acted=origin.acted,
        settings=msgspec.to_builtins(origin.settings),
    )


def _list_inputs(read: ReadRequest, findings: Findings) -> list[ListedInput]:
    """The inputs of the findings, in their order, with their sizes."""
    paths = {show_path(str(path)): path for path in read.list_files()}
    paths |= {database.path: Path(database.path) for database in read.geo}
    return [
        ListedInput(
            table=given.table,
            path=given.path,
            sha256=given.sha256,
            bytes=_measure(paths.get(given.path)),
            rows=given.rows,
            rejects=given.rejects,
            format=given.format,
            encoding=given.encoding,
        )
        for given in findings.inputs
    ]


def _measure(path: Path | None) -> int | None:
    return path.stat().st_size if path is not None and path.is_file() else None


def _list_files(folder: Path) -> list[ListedFile]:
    return [
        ListedFile(path.relative_to(folder).as_posix(), _hash(path), path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != PUBLIC_KEY
    ]


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _zip(folder: Path, path: Path) -> None:
    """All files of `folder`, in order of name, without dates or owners."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), _EPOCH)
                entry.create_system = 3  # Unix, on every system
                entry.external_attr = 0o100644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.file_size = file.stat().st_size  # tells whether the zip has to be of the large kind
                with archive.open(entry, "w") as packed, file.open("rb") as stream:
                    shutil.copyfileobj(stream, packed, _CHUNK)


def _render_index(statements: list[Statement], findings: Findings, signer: Signer, own: Catalogue) -> str:
    template, style = _load_template()
    return template.render(
        t=own.html,
        n=own.number,
        show=show_text,
        style=Markup(style),  # noqa: S704  (our own)
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        statements=[_describe(statement) for statement in statements],
        inputs=findings.inputs,
        fingerprint=signer.fingerprint,
        algorithm=ALGORITHM,
    )


def _describe(statement: Statement) -> dict[str, Any]:
    return msgspec.to_builtins(statement)  # type: ignore[no-any-return]


@cache
def _load_template() -> tuple[Template, str]:
    environment = open_templates("stanch.bundle")
    style = files("stanch.reporting").joinpath("page", "report.css").read_text(encoding="utf-8")
    return environment.get_template("index.html.j2"), style

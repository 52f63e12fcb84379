"""Recomputes the findings of a bundle from its inputs and says what differs."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import msgspec

from stanch.bundle import BundleRequest, Contents, Manifest, make_passing_signer
from stanch.bundle.manifest import FINDINGS, list_versions
from stanch.engine import open_engine
from stanch.errors import RejectedTableError, UsageError
from stanch.investigate import Investigation, investigate
from stanch.progress import Progress
from stanch.readers import ReadRequest
from stanch.readers.files import show_path
from stanch.readers.geo import open_databases
from stanch.reporting.cells import show_text
from stanch.reporting.folder import BUNDLE
from stanch.settings import DEFAULTS, Settings

#: Outputs that are text and tell nothing of the run: they have to be the same to the letter.
_TEXT: Final = (".csv", ".txt", ".jsonl")
_MOST_BYTES: Final = 256 << 20
_NO_QUOTES: Final = str.maketrans("", "", "\"'")


@dataclass(frozen=True, slots=True)
class Difference:
    """A place in `findings.json` (JSON pointer, RFC 6901) or a file, and what stands there."""

    where: str
    bundled: str
    computed: str


def find_inputs(manifest: Manifest, given: Sequence[Path]) -> dict[str, Path]:
    """The file of each SHA-256 among `given`, files or folders.

    Raises:
        UsageError: one cannot be read.
    """
    wanted = {listed.sha256 for listed in manifest.inputs}
    sizes = {listed.bytes for listed in manifest.inputs}
    found: dict[str, Path] = {}
    for path in itertools.chain.from_iterable(map(_list_files, given)):
        try:
            if None in sizes or path.stat().st_size in sizes:
                with path.open("rb") as stream:
                    found.setdefault(hashlib.file_digest(stream, "sha256").hexdigest(), path)
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", file=show_path(str(path))) from error
    return {sha256: path for sha256, path in found.items() if sha256 in wanted}


def tell_missing(
    manifest: Manifest, found: Mapping[str, Path], given: Sequence[Path]
) -> tuple[list[str], bool]:
    """One line per input that is not there, and whether another file bears the name of one."""
    names = {path.name for path in itertools.chain.from_iterable(map(_list_files, given))}
    missing = [listed for listed in manifest.inputs if listed.sha256 not in found]
    changed = [listed for listed in missing if Path(listed.path).name in names]
    lines = [
        f"{show_text(listed.path, 200)}: "
        + (
            "is another file than the one that was read"
            if listed in changed
            else "is not among the files given"
        )
        for listed in missing
    ]
    return lines, bool(changed)


def list_other_versions(manifest: Manifest) -> list[str]:
    """What runs here in another version than when the bundle was made."""
    here = list_versions()
    return [
        f"{show_text(name)} {show_text(then)}, here {here.get(name, 'missing')}"
        for name, then in manifest.versions.items()
        if here.get(name) != then
    ]


def recompute(
    manifest: Manifest,
    found: Mapping[str, Path],
    key: bytes | None,
    work: Path,
    *,
    progress: Progress,
    now: datetime,
) -> Path:
    """Investigate again, as `manifest` says, in the empty folder `work`; the new bundle's folder.

    Raises:
        UsageError: the parameters mean nothing to this version, or a key is asked for or not wanted.
    """
    parameters = manifest.parameters
    if parameters.pseudonymised != (key is not None):
        told = "is wanted: people are hashes under it" if key is None else "is not wanted: people are named"
        raise UsageError(f"--pseudonymise {told} in this bundle")
    try:
        settings = msgspec.convert(parameters.settings, Settings)
        lang = msgspec.convert(parameters.lang, Literal["en", "zh"])
        acted = msgspec.convert(parameters.acted, date | None)
    except msgspec.ValidationError as error:
        raise UsageError(f"this version does not know the bundle's settings: {error}") from error
    # Where and with how much memory tables are computed is this machine's business, and changes nothing.
    settings = msgspec.structs.replace(settings, engine=DEFAULTS.engine)
    staged = _stage(manifest, found, work)
    paths: dict[str, list[str]] = {}
    for listed, path in zip(manifest.inputs, staged, strict=True):
        paths.setdefault(listed.table, []).append(str(path))
    databases = paths.pop("geo", [])
    read = ReadRequest(
        paths=paths,
        log_format=parameters.log_format,
        renames=parameters.maps,
        zone=parameters.zone,
        encoding=parameters.encoding,
        key=key,
        geo=open_databases(map(Path, databases)),
        settings=settings.readers,
    )
    request = BundleRequest(make_passing_signer())
    case = Investigation(read, work / "out", parameters.seed, lang, request, acted)
    # A table that is rejected as a whole was so the first time, or the findings will differ.
    with closing(open_engine(parameters.engine, settings.engine)) as engine, suppress(RejectedTableError):
        investigate(case, settings, engine, progress, now)
    return work / "out" / BUNDLE


def compare(contents: Contents, manifest: Manifest, computed: Path) -> Iterator[Difference]:
    """What differs between the bundle and the one `computed`, but for the time of the run."""
    new = msgspec.json.decode((computed / "manifest.json").read_bytes(), type=Manifest)
    names = {now.path: then.path for now, then in zip(new.inputs, manifest.inputs, strict=False)}
    with contents.open(FINDINGS) as stream:
        raw = stream.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise UsageError(f"{FINDINGS} is larger than findings are")
    bundled = msgspec.json.decode(raw)
    now = _rename(msgspec.json.decode((computed / FINDINGS).read_bytes()), names)
    if isinstance(bundled, dict) and isinstance(now, dict):
        bundled, now = bundled | {"run": None}, now | {"run": None}
    yield from compare_json(bundled, now)
    theirs, ours = ({file.path for file in m.files if file.path.endswith(_TEXT)} for m in (manifest, new))
    for name in sorted(theirs ^ ours):
        yield Difference(name, *("there" if name in side else "missing" for side in (theirs, ours)))
    for name in sorted(theirs & ours):
        with contents.open(name) as stream, (computed / name).open("rb") as again:
            line = _find_first_change(stream, again, names)
        if line is not None:
            yield Difference(name, *line)


def compare_json(then: Any, now: Any, pointer: str = "") -> Iterator[Difference]:
    """Every place at which two JSON values differ."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted(then.keys() | now.keys()):
            at = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key in then and key in now:
                yield from compare_json(then[key], now[key], at)
            else:
                yield Difference(
                    at, *(_write(side[key]) if key in side else "nothing" for side in (then, now))
                )
    elif isinstance(then, list) and isinstance(now, list):
        for n, (a, b) in enumerate(zip(then, now, strict=False)):
            yield from compare_json(a, b, f"{pointer}/{n}")
        for n in range(min(len(then), len(now)), max(len(then), len(now))):
            sides = (_write(side[n]) if n < len(side) else "nothing" for side in (then, now))
            yield Difference(f"{pointer}/{n}", *sides)
    elif then != now or type(then) is not type(now):
        yield Difference(pointer, _write(then), _write(now))


def _write(value: Any) -> str:
    return show_text(msgspec.json.encode(value).decode(), 100)


def _find_first_change(then: BinaryIO, now: BinaryIO, names: Mapping[str, str]) -> tuple[str, str] | None:
    """The first line that differs, both ways of it; None: none does.

    Quotes do not count: whether a cell bears some hangs on the name of the input's folder.
    """
    for number, (a, b) in enumerate(itertools.zip_longest(then, now, fillvalue=b""), start=1):
        mine = _rename(b.decode("utf-8", "replace"), names)
        theirs = a.decode("utf-8", "replace")
        if theirs.translate(_NO_QUOTES) != mine.translate(_NO_QUOTES):
            return f"line {number}: {show_text(theirs.rstrip(), 80)}", show_text(
                mine.rstrip(), 80
            ) or "nothing"
    return None


def _rename(value: Any, names: Mapping[str, str]) -> Any:
    """`value` with the names of the inputs as they were then."""
    if isinstance(value, dict):
        return {key: _rename(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rename(inner, names) for inner in value]
    if isinstance(value, str):
        for now, then in names.items():
            value = value.replace(now, then)
    return value


def _stage(manifest: Manifest, found: Mapping[str, Path], work: Path) -> list[Path]:
    """A link to each input under the name that it had: formats and notes may hang on it."""
    staged = []
    for number, listed in enumerate(manifest.inputs):
        name = Path(listed.path).name
        folder = work / f"input-{number}"
        folder.mkdir()
        path = folder / (name if name.isprintable() and len(os.fsencode(name)) <= 200 else "input")
        path.symlink_to(found[listed.sha256].resolve())
        staged.append(path)
    return staged


def _list_files(path: Path) -> list[Path]:
    if not path.exists():
        raise UsageError("no such file or folder", file=show_path(str(path)))
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]

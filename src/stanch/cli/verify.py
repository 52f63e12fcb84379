"""`stanch verify`: whether an evidence bundle is as it was signed, and its findings come out again."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from stanch.bundle import Checked, Contents, Manifest, check_bundle, open_bundle
from stanch.bundle.keys import read_fingerprint
from stanch.cli.messages import clean
from stanch.cli.progress import show_progress
from stanch.evidence.pseudonyms import read_key
from stanch.verify import compare, find_inputs, list_other_versions, recompute, tell_missing

SAME: Final = 0
DIFFERS: Final = 1
UNUSABLE: Final = 2
_MOST_LINES: Final = 50


def run_verify(
    bundle: Annotated[Path, Parameter(help="The folder `bundle`, or `bundle.zip`.", metavar="BUNDLE")],
    /,
    *,
    inputs: Annotated[
        tuple[Path, ...],
        Parameter(
            help="The files that were read, or a folder that holds them; told by their hash, whatever their"
            " names.",
            consume_multiple=True,
            negative=(),
            metavar="FILE…|DIR",
            show_default=False,
        ),
    ] = (),
    fingerprint: Annotated[
        str | None, Parameter(help="The signing key's, as you were given it apart.", metavar="F")
    ] = None,
    pseudonymise: Annotated[
        Path | None, Parameter(help="The key of the pseudonyms, where there are any.", metavar="KEYFILE")
    ] = None,
    quiet: Annotated[
        bool, Parameter(help="Say nothing: the exit status tells.", negative=(), show_default=False)
    ] = False,
) -> int:
    """Check every hash and the signature of an evidence bundle; with the inputs, compute the findings again.

    Exit status: 0 all is as it was signed (and the findings are the same); 1 something was altered, another
    key signed, or the findings differ; 2 this is no bundle, or it cannot be checked.

        stanch verify findings/bundle.zip --fingerprint SHA256:2f0c…
        stanch verify bundle.zip --inputs /evidence
    """
    key = read_key(pseudonymise) if pseudonymise else None
    wanted = read_fingerprint(fingerprint) if fingerprint else None
    with open_bundle(bundle) as contents:
        checked = check_bundle(contents, wanted)
    told, status = _tell_check(checked, given=wanted is not None)
    if inputs and status == SAME:
        assert checked.manifest is not None
        with open_bundle(bundle) as contents:
            more, status = _compute_again(contents, checked.manifest, inputs, key, quiet=quiet)
        told += more
    for line in () if quiet else told:
        print(clean(line))  # noqa: T201
    return status


def _tell_check(checked: Checked, *, given: bool) -> tuple[list[str], int]:
    if checked.problems:
        lines = [*checked.problems[:_MOST_LINES]]
        if len(checked.problems) > _MOST_LINES:
            lines.append(f"… and {len(checked.problems) - _MOST_LINES:,} more")
        return [*lines, "The bundle is not as it was signed."], DIFFERS
    assert checked.manifest is not None
    apart = "it is the one given" if given else "compare it with the one that you were given apart"
    made = f"{checked.manifest.run.started} by Stanch {checked.manifest.versions.get('stanch', '')}"
    return [
        f"{len(checked.manifest.files):,} files are as they were signed (made {made}, as it says itself).",
        f"Key {checked.fingerprint}: {apart}.",
    ], SAME


def _compute_again(
    contents: Contents, manifest: Manifest, inputs: Sequence[Path], key: bytes | None, *, quiet: bool
) -> tuple[list[str], int]:
    found = find_inputs(manifest, inputs)
    missing, changed = tell_missing(manifest, found, inputs)
    if missing:
        last = "The findings were not computed again."
        return [*missing[:_MOST_LINES], last], DIFFERS if changed else UNUSABLE
    told = [f"Another version: {other}." for other in list_other_versions(manifest)]
    with tempfile.TemporaryDirectory(prefix="stanch-verify-") as work, show_progress(quiet=quiet) as progress:
        computed = recompute(manifest, found, key, Path(work), progress=progress, now=datetime.now(UTC))
        differences = list(itertools.islice(compare(contents, manifest, computed), _MOST_LINES + 1))
    if not differences:
        inputs_told = "one input" if len(manifest.inputs) == 1 else f"{len(manifest.inputs):,} inputs"
        return [*told, f"The findings are the same, computed again from {inputs_told}."], SAME
    shown = [f"{d.where}: {d.bundled} -> {d.computed}" for d in differences[:_MOST_LINES]]
    more = ["… and more"] if len(differences) > _MOST_LINES else []
    return [*told, *shown, *more, "The findings differ."], DIFFERS

"""Bundles that somebody made to do harm are refused, and nothing of them is unpacked."""

from __future__ import annotations

import os
import stat
import warnings
import zipfile
from pathlib import Path

import pytest

from stanch.bundle import open_bundle
from stanch.bundle.manifest import is_safe
from stanch.cli import main
from stanch.errors import UsageError


def pack(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of two files of one name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in entries:
                archive.writestr(name, data, zipfile.ZIP_DEFLATED)
    return path


def open_it(path: Path) -> None:
    with open_bundle(path):
        pass


@pytest.mark.parametrize(
    "name",
    ["../manifest.json", "/etc/passwd", "rows/../../x", "C:/x", "rows\\x", "rows//x", "a\nb", ".", "x" * 300],
)
def test_names_that_lead_out_are_refused(name: str, tmp_path: Path) -> None:
    assert not is_safe(name)
    with pytest.raises(UsageError, match="name that leads out"):
        open_it(pack(tmp_path / "b.zip", ("manifest.json", b"{}"), (name, b"x")))
    assert main(["verify", str(tmp_path / "b.zip"), "--quiet"]) == 2


@pytest.mark.parametrize("twin", ["manifest.json", "MANIFEST.json"])
def test_two_files_of_one_name_are_refused(twin: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two files of one name"):
        open_it(pack(tmp_path / "b.zip", ("manifest.json", b"{}"), (twin, b"[]")))


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("rows/x.csv")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(UsageError, match="link or a device"):
        open_it(pack(tmp_path / "b.zip", (link, b"/etc/passwd")))


def test_a_zip_bomb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unpack to far more"):
        open_it(pack(tmp_path / "b.zip", ("rows/x.csv", b"0" * (100 << 20))))


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="more than"):
        open_it(pack(tmp_path / "b.zip", *((f"f{i}", b"") for i in range(10_001))))


@pytest.mark.parametrize("make", ["link", "folder link", "pipe"])
def test_a_folder_with_what_is_no_file_is_refused(make: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    if make == "pipe":
        os.mkfifo(tmp_path / "x")
    else:
        (tmp_path / "x").symlink_to("/etc/passwd" if make == "link" else "/etc")
    with pytest.raises(UsageError, match="link or a device"):
        open_it(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip"])
def test_what_is_no_bundle_is_one_plain_line(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(content)
    assert main(["verify", str(path)]) == 2
    assert main(["verify", str(tmp_path / "none.zip")]) == 2
    assert main(["verify", str(pack(tmp_path / "c.zip", ("readme", b"x")))]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_a_huge_manifest_and_one_that_lists_other_files_are_not_followed(tmp_path: Path) -> None:
    from stanch.bundle import make_passing_signer

    signer = make_passing_signer()
    listed = (
        b'{"bundle":1,"run":{},"versions":{},"parameters":{"command":[],"seed":0,"zone":"UTC","lang":"en",'
        b'"engine":"duckdb","log_format":null,"encoding":null,"maps":{},"pseudonymised":false,"acted":null,'
        b'"settings":{}},"inputs":[],"files":[{"path":"../../etc/passwd","sha256":"","bytes":1}],'
        b'"signed_by":{"algorithm":"Ed25519","fingerprint":"%s"}}' % signer.fingerprint.encode()
    )
    path = pack(
        tmp_path / "b.zip",
        ("manifest.json", listed),
        ("manifest.sig", signer.sign(listed)),
        ("public_key.pem", signer.public_pem),
    )
    assert main(["verify", str(path), "--quiet"]) == 2

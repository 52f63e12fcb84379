"""What a bundle holds, and that no change to it goes unseen."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from stanch.cli import main
from stanch.errors import UsageError
from stanch.reporting import prepare_out
from stanch.simulation import simulate, write_incident

#: Not an account of the shop: somebody wrote a password into the wrong field.
SECRET = "hunter2-and-more"
TABLES = ("logins", "accesses", "orders", "complaints")


def investigate(evidence: Path, out: Path, key: Path, *more: str) -> Path:
    words = ["investigate", "--out", str(out), "--bundle", "--signing-key", str(key), "--quiet", *more]
    assert main(words + [w for t in TABLES for w in (f"--{t}", str(evidence / f"{t}.csv"))]) == 0
    return out


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's own key, made by the first run that needs it."""
    from stanch.bundle import load_signer

    home = tmp_path_factory.mktemp("config")
    signer = load_signer(None, {"XDG_CONFIG_HOME": str(home)})
    assert signer.is_new
    assert signer.path is not None
    return signer.path


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evidence")
    write_incident(simulate("burst-2015", 3, scale=0.1), folder)
    with (folder / "complaints.csv").open("a", encoding="utf-8") as stream:
        stream.write(f"K99999,2015-05-09T10:00:00Z,,{SECRET}{',' * 10}\n")
    return folder


@pytest.fixture(scope="session")
def made(evidence: Path, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return investigate(evidence, tmp_path_factory.mktemp("made") / "out", key)


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(made / "bundle", tmp_path / "bundle"))


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def say_verify(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    capsys.readouterr()
    status = main(["verify", *map(str, words)])
    told = capsys.readouterr()
    return status, told.out + told.err


# --- what is in it ----------------------------------------------------------------------------


def test_every_statement_leads_to_as_many_rows_as_it_says(made: Path) -> None:
    statements = json.loads((made / "bundle/statements.json").read_bytes())
    findings = json.loads((made / "findings.json").read_bytes())
    index = (made / "bundle/index.html").read_text(encoding="utf-8")
    assert len(statements) > 10
    for said in statements:
        assert said["evidence"], said
        place = findings
        for part in said["pointer"].split("/")[1:]:
            token = part.replace("~1", "/").replace("~0", "~")
            place = place[int(token)] if isinstance(place, list) else place[token]
        for part in said["evidence"]:
            assert f'href="{part["file"]}"' in index
            if part["file"].startswith("rows/"):
                assert len(read_rows(made / "bundle" / part["file"])) == part["rows"]


def test_rows_of_the_named_source_stand_in_the_inputs(made: Path, evidence: Path) -> None:
    found = json.loads((made / "findings.json").read_bytes())["attribution"]
    assert found["sources"] == ["campaign:c1"]
    rows = read_rows(made / "bundle/rows/source-1.csv")
    known = {row["complaint"] for row in read_rows(evidence / "complaints.csv")}
    assert {row["complaint"] for row in rows} <= known
    assert len({row["complaint"] for row in rows}) >= found["complaints_explained"]
    accesses = read_rows(evidence / "accesses.csv")
    looks = read_rows(made / "bundle/rows/source-1-accesses.csv")
    assert looks
    for look in looks:
        original = accesses[int(look["line"]) - 1]
        assert (original["actor"], original["order"]) == (look["actor"], look["order"])
    assert {look["order"] for look in looks} <= {row["order"] for row in rows}


def test_rows_of_a_campaign_are_its_attempts_with_their_addends(made: Path) -> None:
    (campaign,) = json.loads((made / "findings.json").read_bytes())["campaigns"]
    rows = pl.read_csv(made / "bundle/rows/campaign-c1.csv", infer_schema_length=None)
    # Some logins belong to it only as the sequel of another: they are not counted as attempts.
    assert campaign["attempts"] <= rows.height <= 1.02 * campaign["attempts"]
    stored = pl.read_parquet(made / "attempts.parquet").filter(pl.col("campaign") == "c1")
    assert rows["line"].to_list() == stored["line"].to_list()
    addends = [name for name in rows.columns if name.startswith("ev_")]
    assert len(addends) >= 5
    assert (rows.select(pl.sum_horizontal(addends)).to_series() - rows["log_odds"]).abs().max() < 0.01
    fallen = read_rows(made / "bundle/rows/fallen-logins.csv")
    listed = {row["account"] for row in read_rows(made / "accounts.csv")}
    assert {row["account"] for row in fallen} == listed


def test_the_manifest_tells_inputs_versions_and_parameters(made: Path, evidence: Path, key: Path) -> None:
    manifest = json.loads((made / "bundle/manifest.json").read_bytes())
    for given in manifest["inputs"]:
        data = (evidence / f"{given['table']}.csv").read_bytes()
        assert given["bytes"] == len(data)
        assert given["sha256"] == hashlib.sha256(data).hexdigest()
        assert given["rows"] > 0
    assert {"stanch", "python", "duckdb", "polars", "numpy"} <= manifest["versions"].keys()
    parameters = manifest["parameters"]
    assert parameters["seed"] == 0
    assert parameters["settings"]["tracing"]["simulations"] == 1000
    command = parameters["command"]
    assert command[:2] == ["stanch", "investigate"]
    assert command[command.index("--signing-key") + 1] == str(key)


def test_two_runs_give_the_same_zip_but_for_what_tells_the_run(
    made: Path, evidence: Path, key: Path, tmp_path: Path
) -> None:
    again = investigate(evidence, tmp_path / "out", key, "--engine", "duckdb")
    with zipfile.ZipFile(made / "bundle.zip") as a, zipfile.ZipFile(again / "bundle.zip") as b:
        assert a.namelist() == b.namelist() == sorted(a.namelist())
        assert {entry.date_time for entry in a.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        changed = {name for name in a.namelist() if a.read(name) != b.read(name)}
    telling = {"outputs/findings.json", "outputs/report.html", "manifest.json", "manifest.sig"}
    assert changed <= telling


def test_openssl_finds_the_signature_valid(made: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("the program openssl is missing")
    words = "pkeyutl -verify -pubin -inkey public_key.pem -rawin -in manifest.json -sigfile manifest.sig"
    ran = subprocess.run(["openssl", *words.split()], cwd=made / "bundle", capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_with_pseudonyms_no_clear_name_gets_in(evidence: Path, key: Path, tmp_path: Path) -> None:
    secret = tmp_path / "case.key"
    secret.write_text("0123456789abcdef0123456789abcdef")
    out = investigate(evidence, tmp_path / "out", key, "--pseudonymise", str(secret))
    names = {
        row[column]
        for table, columns in (
            ("orders", ("order", "account")),
            ("complaints", ("order", "account", "phone")),
        )
        for row in read_rows(evidence / f"{table}.csv")
        for column in columns
    }
    names |= {r["actor"] for r in read_rows(evidence / "accesses.csv") if r["actor_kind"] != "anonymous"}
    names = {name for name in names if len(name) > 5}
    for path in [*(out / "bundle/rows").iterdir(), *(out / "bundle").glob("*.*")]:
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not [name for name in names if name in text], path
    assert read_rows(out / "bundle/rows/source-1-accesses.csv")
    assert main(["verify", str(out / "bundle"), "--inputs", str(evidence), "--quiet"]) == 2
    words = ["verify", str(out / "bundle"), "--inputs", str(evidence), "--quiet", "--pseudonymise"]
    assert main([*words, str(secret)]) == 0


def test_sessions_phones_texts_and_names_of_nobody_stand_in_no_row(made: Path) -> None:
    for path in (made / "bundle/rows").iterdir():
        with path.open(encoding="utf-8", newline="") as stream:
            columns = set(next(csv.reader(stream)))
        assert not columns & {"session", "phone", "text", "scam_phone", "device"}, path
        assert SECRET not in path.read_text(encoding="utf-8")
    assert "K99999" in (made / "bundle/rows/complaints.csv").read_text(encoding="utf-8")


# --- whether it was changed -------------------------------------------------------------------


def test_an_untouched_bundle_is_found_so_as_folder_and_as_zip(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads((made / "bundle/manifest.json").read_bytes())
    fingerprint = manifest["signed_by"]["fingerprint"]
    assert say_verify(capsys, made / "bundle")[0] == 0
    status, told = say_verify(capsys, made / "bundle.zip", "--fingerprint", fingerprint)
    assert status == 0
    assert fingerprint in told
    written = fingerprint.removeprefix("SHA256:").upper()
    pairs = ":".join(written[i : i + 2] for i in range(0, 64, 2))
    assert say_verify(capsys, made / "bundle.zip", "--fingerprint", pairs)[0] == 0


def alter_a_byte(bundle: Path) -> str:
    path = bundle / "rows/source-1.csv"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    return "altered: rows/source-1.csv"


def swap_two_files(bundle: Path) -> str:
    a, b = bundle / "outputs/reset.csv", bundle / "outputs/accounts.csv"
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)
    return "altered: outputs/reset.csv"


def take_one_away(bundle: Path) -> str:
    (bundle / "rows/complaints.csv").unlink()
    return "missing: rows/complaints.csv"


def add_one(bundle: Path) -> str:
    (bundle / "rows/more.csv").write_text("complaint\n")
    return "added: rows/more.csv"


def relist_an_altered_file(bundle: Path) -> str:
    """Whoever alters a file may put its new hash into the manifest, but cannot sign that."""
    alter_a_byte(bundle)
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    for file in manifest["files"]:
        file["sha256"] = hashlib.sha256((bundle / file["path"]).read_bytes()).hexdigest()
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    return "signature"


def spoil_the_manifest(bundle: Path) -> str:
    (bundle / "manifest.json").write_bytes((bundle / "manifest.json").read_bytes()[:-9])
    return "signature"


def cut_the_signature(bundle: Path) -> str:
    (bundle / "manifest.sig").write_bytes((bundle / "manifest.sig").read_bytes()[:40])
    return "signature"


def drop_the_signature(bundle: Path) -> str:
    (bundle / "manifest.sig").unlink()
    return "missing: manifest.sig"


def drop_the_key(bundle: Path) -> str:
    (bundle / "public_key.pem").write_text("no key")
    return "public_key.pem"


@pytest.mark.parametrize(
    "spoil",
    [
        alter_a_byte,
        swap_two_files,
        take_one_away,
        add_one,
        relist_an_altered_file,
        spoil_the_manifest,
        cut_the_signature,
        drop_the_signature,
        drop_the_key,
    ],
)
def test_a_change_is_told(
    spoil: Callable[[Path], str], bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = spoil(bundle)
    status, told = say_verify(capsys, bundle)
    assert status == 1
    assert expected in told
    packed = Path(shutil.make_archive(str(bundle), "zip", bundle))
    assert say_verify(capsys, packed) == (status, told)


def test_a_bundle_signed_anew_by_another_is_told_by_the_fingerprint(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from stanch.bundle import make_passing_signer

    manifest = json.loads((bundle / "manifest.json").read_bytes())
    ours = manifest["signed_by"]["fingerprint"]
    forger = make_passing_signer()
    manifest["signed_by"]["fingerprint"] = forger.fingerprint
    data = json.dumps(manifest).encode()
    (bundle / "manifest.json").write_bytes(data)
    (bundle / "manifest.sig").write_bytes(forger.sign(data))
    (bundle / "public_key.pem").write_bytes(forger.public_pem)
    assert say_verify(capsys, bundle)[0] == 0
    status, told = say_verify(capsys, bundle, "--fingerprint", ours)
    assert status == 1
    assert "another key signed it" in told


def test_the_zip_with_a_damaged_byte_is_told(made: Path, tmp_path: Path) -> None:
    data = bytearray((made / "bundle.zip").read_bytes())
    data[len(data) // 2] ^= 0xFF
    spoilt = tmp_path / "bundle.zip"
    spoilt.write_bytes(data)
    assert main(["verify", str(spoilt), "--quiet"]) in (1, 2)


# --- with the inputs at hand ------------------------------------------------------------------


def test_the_same_inputs_give_the_same_findings_whatever_their_names(
    made: Path, evidence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for table in TABLES:
        shutil.copy(evidence / f"{table}.csv", moved / f"old {table}.bin")
    status, told = say_verify(capsys, made / "bundle.zip", "--inputs", moved)
    assert status == 0, told
    assert "the same, computed again from 4 inputs" in told


def test_other_inputs_are_told_apart_from_missing_ones(
    made: Path, evidence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for table in TABLES[1:]:
        shutil.copy(evidence / f"{table}.csv", tmp_path / f"{table}.csv")
    status, told = say_verify(capsys, made / "bundle", "--inputs", tmp_path)
    assert status == 2
    assert "logins.csv: is not among the files given" in told
    (tmp_path / "logins.csv").write_text("time,ip,account,outcome\n")
    status, told = say_verify(capsys, made / "bundle", "--inputs", tmp_path)
    assert status == 1
    assert "logins.csv: is another file than the one that was read" in told


def test_findings_that_the_inputs_do_not_give_are_told_by_their_place(
    bundle: Path, evidence: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The signer wrote another answer than the inputs give, and signed that."""
    from stanch.bundle import make_passing_signer

    path = bundle / "outputs/findings.json"
    findings = json.loads(path.read_bytes())
    findings["attribution"]["sources"] = ["staff:agent01"]
    findings["campaigns"][0]["attempts"] += 1
    path.write_text(json.dumps(findings))
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    for file in manifest["files"]:
        data = (bundle / file["path"]).read_bytes()
        file["sha256"], file["bytes"] = hashlib.sha256(data).hexdigest(), len(data)
    signer = make_passing_signer()
    manifest["signed_by"]["fingerprint"] = signer.fingerprint
    manifest["versions"]["stanch"] = "0.0.9"
    data = json.dumps(manifest).encode()
    (bundle / "manifest.json").write_bytes(data)
    (bundle / "manifest.sig").write_bytes(signer.sign(data))
    (bundle / "public_key.pem").write_bytes(signer.public_pem)
    status, told = say_verify(capsys, bundle, "--inputs", evidence)
    assert status == 1
    assert '/attribution/sources/0: "staff:agent01" -> "campaign:c1"' in told
    assert "/campaigns/0/attempts" in told
    assert "stanch 0.0.9, here" in told
    assert told.count(" -> ") == 2


# --- the key, and the folder ------------------------------------------------------------------


def test_the_own_key_is_made_once_and_for_its_owner_alone(key: Path) -> None:
    from stanch.bundle import load_signer

    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    home = str(key.parents[1])
    again = load_signer(None, {"XDG_CONFIG_HOME": home})
    assert not again.is_new
    assert again.fingerprint == load_signer(None, {"STANCH_SIGNING_KEY": str(key)}).fingerprint


def test_a_key_that_others_may_read_or_that_is_missing_signs_nothing(key: Path, tmp_path: Path) -> None:
    from stanch.bundle import load_signer

    loose = Path(shutil.copy(key, tmp_path / "key.pem"))
    loose.chmod(0o644)
    with pytest.raises(UsageError, match="others may read"):
        load_signer(loose, {})
    with pytest.raises(UsageError, match="cannot be read"):
        load_signer(tmp_path / "none.pem", {})
    loose.write_text("-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----\n")
    loose.chmod(0o600)
    with pytest.raises(UsageError, match="Ed25519"):
        load_signer(loose, {})


def test_a_later_run_replaces_the_bundle_and_a_foreign_file_in_it_is_refused(
    made: Path, evidence: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(made, tmp_path / "out"))
    (out / "bundle/rows/thesis.docx").write_text("years of work")
    with pytest.raises(UsageError, match=r"bundle/rows/thesis\.docx"):
        prepare_out(out)
    (out / "bundle/rows/thesis.docx").unlink()
    words = ["investigate", "--complaints", str(evidence / "complaints.csv"), "--out", str(out), "--quiet"]
    assert main(words) == 0
    assert not (out / "bundle").exists()
    assert not (out / "bundle.zip").exists()


def test_a_folder_of_that_name_without_an_answer_beside_it_is_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/index.html").write_text("<p>our newsletter")
    with pytest.raises(UsageError, match="bundle"):
        prepare_out(tmp_path)

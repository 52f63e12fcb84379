"""Block lists: read by the programs they are for, and the same bans in each."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from service.serving import Served
from stanch.guard.block_lists import Listed, write_block_list

BANNED = ["203.0.113.7", "198.51.100.0/24", "198.51.100.9", "2001:db8:1:2::/64", "2001:db8::5", "203.0.113.7"]
LISTED = [Listed.read(value, 600) for value in BANNED]


def test_entries_stand_once_and_none_inside_another() -> None:
    assert write_block_list(LISTED, "plain").splitlines() == [
        "198.51.100.0/24",
        "203.0.113.7",
        "2001:db8::5",
        "2001:db8:1:2::/64",
    ]
    assert write_block_list(reversed(LISTED), "plain") == write_block_list(LISTED, "plain")


def test_nothing_banned_is_a_list_too() -> None:
    for name in ("plain", "haproxy"):
        assert write_block_list([], name) == ""  # type: ignore[arg-type]
    assert json.loads(write_block_list([], "cloudflare")) == []
    assert json.loads(write_block_list([], "aws-waf"))["Addresses"] == []


def test_clouds_get_what_they_take() -> None:
    items = json.loads(write_block_list(LISTED, "cloudflare"))
    assert [item["ip"] for item in items] == [
        "198.51.100.0/24",
        "203.0.113.7",
        "2001:db8::/64",
        "2001:db8:1:2::/64",
    ]
    four = [entry for entry in LISTED if entry.version == 4]
    told = json.loads(write_block_list(four, "aws-waf"))
    assert (told["IPAddressVersion"], told["Addresses"]) == ("IPV4", ["198.51.100.0/24", "203.0.113.7/32"])


@pytest.mark.parametrize("listed", [LISTED, [], [Listed.read("203.0.113.7")]])
def test_nft_loads_the_list_again_and_again(listed: list[Listed], tmp_path: Path) -> None:
    nft = shutil.which("nft", path="/usr/sbin:/usr/bin")
    if nft is None or subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no nft, or no network of one's own")
    path = tmp_path / "stanch.nft"
    path.write_text(write_block_list(listed, "nftables"))
    script = f"{nft} -f {path} && {nft} -f {path} && {nft} list ruleset"
    done = subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(str(entry) in done.stdout for entry in listed if str(entry) != "198.51.100.9")
    assert done.stdout.count("drop") == 2


def test_people_decide_on_the_command_line(tmp_path: Path) -> None:
    served = Served(tmp_path)
    assert served.run("decisions", "list")[2].startswith("No decision")
    status, added, _ = served.run("decisions", "add", "203.0.113.7", "--for", "2h", "--why", "seen\x1b[31m")
    assert (status, added.split()[1:3]) == (0, ["203.0.113.7", "ban"])
    served.run("decisions", "add", "198.51.100.0/24", "--for", "1h")
    served.run("decisions", "add", "198.51.100.9", "--kind", "allow", "--for", "7d")
    assert "not in force" in served.run("decisions", "add", "198.51.100.9", "--for", "1h")[2]
    served.run("decisions", "undo", "4")
    _, listed, _ = served.run("decisions", "list")
    assert len({line.index("until") for line in listed.splitlines()}) == 1, "in columns"
    assert [line.split()[1:3] for line in listed.splitlines()] == [
        ["203.0.113.7", "ban"],
        ["198.51.100.0/24", "ban"],
        ["198.51.100.9", "allow"],
    ]
    assert "\x1b" not in listed
    assert served.run("decisions", "export")[1] == "203.0.113.7\n", "an allow inside a network keeps it off"
    assert served.run("decisions", "undo", "203.0.113.7")[0] == 0
    assert served.run("decisions", "export")[1] == ""
    for words in (("undo", "203.0.113.7"), ("add", "nowhere"), ("add", "10.0.0.1", "--for", "1y")):
        status, _, told = served.run("decisions", *words)
        assert (status, told.count("\n")) == (2, 1), words


def test_the_list_of_an_investigation_is_exported(tmp_path: Path) -> None:
    (tmp_path / "blocklist.txt").write_text("203.0.113.7\n198.51.100.0/24\n")
    served = Served(tmp_path)
    out = tmp_path / "out.map"
    words = ("--format", "haproxy", "--findings", str(tmp_path), "--out", str(out))
    assert served.run("decisions", "export", *words)[0] == 0
    assert out.read_text() == "198.51.100.0/24 ban\n203.0.113.7 ban\n"
    assert served.run("decisions", "export", "--findings", str(tmp_path / "no"))[0] == 2


def test_an_allow_list_that_cannot_be_read_exports_nobody(tmp_path: Path) -> None:
    served = Served(tmp_path, settings=f"allow_list = '{tmp_path}/gone.txt'\n")
    status, _, told = served.run("decisions", "add", "203.0.113.7")
    assert (status, "not in force" in told) == (0, True)
    status, out, told = served.run("decisions", "export")
    assert (status, out) == (2, "")
    assert "allow-list" in told

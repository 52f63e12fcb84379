"""`stanch tail`: what a log tells the guard, what comes of it, and going on where it stopped."""

import io
import json
import random
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import closing, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stanch.cases.database import find_url, open_database
from stanch.cases.decisions import list_kept
from stanch.cli import main
from stanch.readers.live import LiveLog
from stanch.readers.settings import ReaderSettings

ATTACKER = "203.0.113.66"
AGENTS = [f"Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0" for n in range(100, 130)]


class Shop:
    """A folder with a log and the settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "access.log"
        self.config = folder / "stanch.toml"
        self.settings("")
        self.rng = random.Random(7)

    def settings(self, guard: str) -> None:
        own = f"[service]\ndata_dir = '{self.folder / 'data'}'\n"
        self.config.write_text(f"{own}[guard]\ncustomers = 20000\nrecent = 20000\n{guard}")

    def write(self, seconds_ago: float, ip: str, account: str, status: int, agent: str) -> None:
        stamp = datetime.fromtimestamp(time.time() - seconds_ago, UTC)
        with self.log.open("a") as file:
            file.write(
                f'{ip} - {account} [{stamp:%d/%b/%Y:%H:%M:%S %z}] "POST /login HTTP/1.1" {status} 512'
                f' "https://shop.example/" "{agent}"\n'
            )

    def customers(self, n: int, first_s: float, last_s: float) -> None:
        """Customers, each at home, who mistype now and then."""
        for at in range(n):
            ago = first_s + (last_s - first_s) * at / n
            who = self.rng.randrange(400)
            ip, agent = f"198.51.{who // 200}.{who % 200 + 1}", AGENTS[who % len(AGENTS)]
            if self.rng.random() < 0.05:
                self.write(ago, ip, f"customer{who}", 401, agent)
            self.write(ago, ip, f"customer{who}", 302, agent)

    def attack(self, n: int, first_s: float, last_s: float, ip: str = ATTACKER) -> None:
        for at in range(n):
            ago = first_s + (last_s - first_s) * at / n
            self.write(ago, ip, f"victim{at}", 401, "python-requests/2.32")

    def forget_accounts(self) -> None:
        self.log.write_text(re.sub(r"(?m)^(\S+) - \S+", r"\1 - -", self.log.read_text()))

    def tail(self, *words: str) -> tuple[list[dict[str, Any]], str]:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            assert main(["tail", str(self.log), "--once", "--config", str(self.config), *words]) == 0, (
                err.getvalue()
            )
        return [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()

    def decisions(self) -> list[Any]:
        with (
            closing(open_database(find_url(self.folder / "data"))) as database,
            database.read() as connection,
        ):
            return list(list_kept(connection, 0))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_an_attack_in_the_log_is_told_and_its_address_decided_about(shop: Shop) -> None:
    shop.customers(3_000, 86_400, 700)
    shop.attack(400, 600, 60)
    remarks, told = shop.tail("--log-format", "combined")
    attack = [remark for remark in remarks if remark["ip"] == ATTACKER]
    assert len(attack) > 200
    assert len(remarks) - len(attack) < 15
    assert {remark["simulated"] for remark in attack} == {True}
    assert "victim" not in json.dumps(remarks)
    assert "not let pass" in told
    kept = shop.decisions()
    assert {decision.value for decision in kept} == {ATTACKER}
    assert all(decision.simulated for decision in kept), "nothing is enforced unless switched on"


def test_a_rule_that_is_switched_on_reaches_bouncers(shop: Shop) -> None:
    shop.settings('enforce = ["ban"]\n')
    shop.customers(3_000, 86_400, 700)
    shop.attack(400, 600, 60)
    shop.tail()
    assert [decision.simulated for decision in shop.decisions() if decision.kind == "ban"] == [False]


def test_lines_far_older_than_those_before_are_judged_and_not_counted_and_that_is_told(shop: Shop) -> None:
    shop.customers(300, 7_200, 60)
    assert "zone" not in shop.tail("--log-format", "combined")[1]
    shop.attack(30, 20_000, 19_000)
    assert "is --zone right?" in shop.tail("--log-format", "combined")[1]
    shop.customers(30, 50, 10)
    assert "zone" not in shop.tail("--log-format", "combined")[1]


def test_what_was_long_ago_is_learnt_and_decides_nothing(shop: Shop) -> None:
    shop.customers(3_000, 300_000, 200_000)
    shop.attack(400, 100_000, 99_000)
    remarks, _ = shop.tail()
    assert len(remarks) > 200
    assert shop.decisions() == []


def test_a_restart_goes_on_and_reads_nothing_twice(shop: Shop) -> None:
    shop.customers(2_000, 86_400, 7_000)
    _, first = shop.tail()
    shop.customers(50, 600, 300)
    _, second = shop.tail()
    _, third = shop.tail()
    assert int(first.split("stanch: ")[1].split()[0].replace(",", "")) >= 2_000
    assert 50 <= int(second.split("stanch: ")[1].split()[0]) < 60
    assert "stanch: 0 lines, 0 logins" in third


def test_what_statuses_mean_outlives_a_restart(shop: Shop) -> None:
    """Of a few lines alone nobody could tell that 302 is good."""
    shop.customers(2_000, 86_400, 7_000)
    shop.tail()
    shop.log.rename(shop.log.with_name("access.log.1"))
    shop.customers(20, 600, 300)
    saved = json.loads(next((shop.folder / "data" / "tail").glob("*.json")).read_text())
    shop.tail()
    after = json.loads(next((shop.folder / "data" / "tail").glob("*.json")).read_text())
    assert after["decided"] == saved["decided"] is not None
    assert after["position"] != saved["position"]


def test_whom_the_allow_list_names_is_let_alone(shop: Shop) -> None:
    (shop.folder / "allow.txt").write_text(f"{ATTACKER} # our own scanner\n")
    text = shop.config.read_text()
    shop.config.write_text(text.replace("[guard]", f"allow_list = '{shop.folder / 'allow.txt'}'\n[guard]"))
    shop.customers(3_000, 86_400, 700)
    shop.attack(400, 600, 60)
    remarks, _ = shop.tail()
    assert ATTACKER not in {remark["ip"] for remark in remarks}
    assert shop.decisions() == []


def test_a_network_with_somebody_in_it_who_is_let_alone_is_not_decided_about(shop: Shop) -> None:
    (shop.folder / "allow.txt").write_text("2001:db8:5:6::aaaa\n")
    text = shop.config.read_text()
    shop.config.write_text(text.replace("[guard]", f"allow_list = '{shop.folder / 'allow.txt'}'\n[guard]"))
    shop.customers(3_000, 86_400, 700)
    shop.attack(400, 600, 60, "2001:db8:5:6::bbbb")
    assert len(shop.tail()[0]) > 200
    assert shop.decisions() == []


def test_a_log_without_accounts_shows_an_attack_all_the_same(shop: Shop) -> None:
    shop.customers(3_000, 86_400, 700)
    shop.attack(400, 600, 60)
    shop.forget_accounts()
    remarks, _ = shop.tail("--log-format", "combined")
    attack = [remark for remark in remarks if remark["ip"] == ATTACKER]
    assert len(attack) > 200
    assert len(remarks) - len(attack) < 15
    assert {decision.value for decision in shop.decisions()} == {ATTACKER}


def test_a_broken_allow_list_stops_all_decisions(shop: Shop) -> None:
    (shop.folder / "allow.txt").write_text("no address\n")
    text = shop.config.read_text()
    shop.config.write_text(text.replace("[guard]", f"allow_list = '{shop.folder / 'allow.txt'}'\n[guard]"))
    shop.customers(1_000, 86_400, 700)
    shop.attack(400, 600, 60)
    remarks, _ = shop.tail()
    assert len(remarks) > 200
    assert shop.decisions() == []


def test_it_follows_until_told_to_stop(shop: Shop) -> None:
    shop.customers(2_000, 86_400, 700)
    command = [sys.executable, "-m", "stanch", "tail", str(shop.log), "--config", str(shop.config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for _ in range(100):
            # Written while it runs; what it says about it ends the test, however long that takes.
            shop.attack(40, 600, 60)
            if select.select([process.stdout], [], [], 0.5)[0]:
                break
        told = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert told["action"] != "allow"
    n_told = int(errors.split("lines")[0].split()[-1].replace(",", ""))
    _, again = shop.tail()
    n_again = int(again.split("lines")[0].split()[-1].replace(",", ""))
    assert n_told + n_again == len(shop.log.read_text().splitlines()), "each line once"


def test_few_logins_wait_until_it_is_plain_what_statuses_mean(shop: Shop) -> None:
    now = [0.0]
    live = LiveLog(ReaderSettings(), "UTC", "combined", lambda: int(now[0] * 1e6))

    def take() -> int:
        block = shop.log.read_bytes()
        shop.log.unlink()
        rows = sum(len(frame) for frame in live.take(block))
        return rows + sum(len(frame) for frame in live.rest())

    shop.customers(20, 600, 500)
    assert take() == 0
    assert not live.is_settled
    shop.customers(200, 500, 100)
    assert take() >= 220
    assert live.is_settled
    assert live.decided is not None
    shop.customers(1, 90, 80)
    assert take() >= 1, "from then on nothing waits"


def test_a_log_that_is_none_is_said_in_one_line(shop: Shop) -> None:
    shop.log.write_bytes(b"\x00\xff nothing known\n" * 100)
    err = io.StringIO()
    with redirect_stderr(err):
        assert main(["tail", str(shop.log), "--once", "--config", str(shop.config)]) == 2
    assert "--log-format" in err.getvalue()


def test_lines_of_sshd_are_read_too(shop: Shop) -> None:
    stamp = datetime.now(UTC)
    shop.log.write_text(
        "".join(
            f"{stamp:%b %d %H:%M:%S} host sshd[{1000 + n}]: Failed password for invalid user u{n} from"
            f" {ATTACKER} port {40000 + n} ssh2\n"
            for n in range(60)
        )
    )
    _, told = shop.tail()
    assert "60 lines, 60 logins" in told

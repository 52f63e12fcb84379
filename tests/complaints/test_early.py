"""More complaints than usual are told on the day; peace is left in peace; what rang is sent once."""

from __future__ import annotations

import json
import threading
import tomllib
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from email import message_from_string
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer
from string import Formatter
from typing import Any

import numpy as np
import polars as pl
import pytest

from stanch.cli.app import main
from stanch.complaints.early import Alarm, EarlySettings, Replay, replay_complaints
from stanch.complaints.early.send import Receivers, send_alarms
from stanch.complaints.early.tell import tell_alarm
from stanch.errors import StanchError, UsageError

FIRST = date(2014, 1, 1)
OUTBREAK = [8, 15, 25, 35, 45, 60, 70, 80, 90, 100, 100, 100]
ALARM = Alarm(date(2015, 4, 28), "region", "Hubei", "level", date(2015, 4, 27), 23, 1.5)


def peace(seed: int, n_days: int = 500, mean: float = 2.0, alpha: float = 0.3) -> list[int]:
    random = np.random.default_rng(seed)
    levels = mean * random.gamma(1 / alpha, alpha, n_days)
    return [int(n) for n in random.poisson(levels)]


def table(counts: list[int], **columns: Any) -> pl.DataFrame:
    days = [FIRST + timedelta(days=i) for i, n in enumerate(counts) for _ in range(n)]
    return pl.DataFrame({"day": days}).with_columns(**columns)


def watch(counts: list[int], settings: EarlySettings | None = None, **columns: Any) -> Replay:
    last = FIRST + timedelta(days=len(counts) - 1)
    replay = replay_complaints(table(counts, **columns), settings or EarlySettings(), FIRST, last)
    assert replay is not None
    return replay


def plant(counts: list[int], at: int, more: list[int]) -> list[int]:
    return [n + (more[i - at] if 0 <= i - at < len(more) else 0) for i, n in enumerate(counts)]


@pytest.mark.parametrize("seed", range(5))
def test_an_outbreak_rings_within_two_days(seed: int) -> None:
    replay = watch(plant(peace(seed), 420, OUTBREAK))
    onset = FIRST + timedelta(days=420)
    rung = [alarm for alarm in replay.alarms if alarm.day >= onset]
    assert rung, "no alarm"
    assert (rung[0].day - onset).days <= 2
    assert abs((rung[0].since - onset).days) <= 2
    assert rung[0].count > 3 * rung[0].usual


def test_twenty_years_of_peace_ring_less_than_once_a_year() -> None:
    assert sum(len(watch(peace(seed, 730)).alarms) for seed in range(100, 110)) <= 20


def test_more_false_alarms_allowed_ring_earlier() -> None:
    counts = plant(peace(3), 420, [4, 6, 8, 10, 12, 14, 16, 18, 20])
    days = []
    for rate in (0.01, 1.0, 50.0):
        rung = watch(counts, EarlySettings(false_alarms_per_year=rate)).alarms
        days.append(min(a.day for a in rung if a.day >= FIRST + timedelta(days=420)))
    assert days == sorted(days, reverse=True)
    assert days[0] > days[-1]


def test_a_part_rings_where_the_whole_hides_it() -> None:
    counts = plant(peace(7, mean=20.0, alpha=0.1), 420, [7] * 4)
    places = []
    for i, n in enumerate(counts):
        from_there = 7 if 420 <= i < 424 else i % 97 == 0
        places += ["Hubei"] * from_there + ["Guangdong"] * (n - from_there)
    replay = watch(counts, region=pl.Series(places))
    early = [a for a in replay.alarms if FIRST + timedelta(days=420) <= a.day < FIRST + timedelta(days=424)]
    assert {(a.by, a.value) for a in early} == {("region", "Hubei")}
    assert (early[0].day - FIRST).days <= 422


def test_growth_becomes_the_usual_level() -> None:
    random = np.random.default_rng(5)
    counts = [int(n) for n in random.poisson(2.0 * 3.0 ** (np.arange(730) / 365))]
    replay = watch(counts)
    assert len(replay.alarms) <= 1
    assert replay.days[-1][2] == pytest.approx(2.0 * 9, rel=0.4)


def test_a_new_level_stops_ringing() -> None:
    counts = peace(9, 300) + [n + 15 for n in peace(10, 200)]
    days = [(a.day - FIRST).days for a in watch(counts).alarms]
    assert any(300 <= day <= 303 for day in days)
    assert not any(day > 345 for day in days)


def test_the_weekly_rule_counts_fake_customer_service_only() -> None:
    counts = [0] * 30 + [3, 0, 3] + [0] * 30
    kinds = ["fake_customer_service"] * 3 + ["fake_loan"] * 3
    assert [(a.kind, a.count) for a in watch(counts).rules] == [("victims_a_week", 6)]
    assert watch(counts, kind=pl.Series(kinds)).rules == ()
    assert watch([0] * 30 + [5]).rules == (), "five are not above five"
    assert watch(counts, EarlySettings(victims_a_week=2)).rules[0].day == FIRST + timedelta(days=30)


def test_a_new_script_is_told_with_its_third_complaint() -> None:
    counts = [1] * 10
    scripts = ["old", "new", "old", "new", "old", "new", "old", "new", "old", "old"]
    told = [
        (a.value, a.day, a.count)
        for a in watch(counts, script=pl.Series(scripts)).rules
        if a.kind == "new_script"
    ]
    assert told == [("old", FIRST + timedelta(days=4), 3), ("new", FIRST + timedelta(days=5), 3)]


def test_what_is_no_fraud_is_not_counted() -> None:
    counts = plant([0] * 100, 60, [9] * 5)
    assert replay_complaints(table(counts, kind=pl.lit("not_fraud")), EarlySettings()) is None


def test_later_days_do_not_change_earlier_alarms() -> None:
    counts = plant(peace(2), 420, OUTBREAK)
    whole, cut = watch(counts), watch(counts[:425])
    assert [a for a in whole.alarms if a.day <= cut.last] == list(cut.alarms)
    assert whole.days[:425] == cut.days


# --- the command ---------------------------------------------------------------------------


def write_csv(path: Path, counts: list[int]) -> Path:
    rows = ["complaint,received,phone,courier"]
    for i, n in enumerate(counts):
        day = (FIRST + timedelta(days=i)).isoformat()
        rows += [f"k{i}-{j},{day}T12:00:00Z,p{i}-{j},east" for j in range(n)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_the_command_replays_a_file(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    file = write_csv(tmp_path / "c.csv", plant(peace(1, 200, 0.5), 190, [8, 15, 25]))
    assert main(["complaints", "watch", str(file), "--json"]) == 0
    told = json.loads(capfdbinary.readouterr().out)
    assert Counter(a["by"] for a in told["alarms"]) == {"all": 1, "courier": 1}
    assert {a["day"] for a in told["alarms"]} <= {
        (FIRST + timedelta(days=d)).isoformat() for d in (190, 191, 192)
    }
    assert sum(day["count"] for day in told["days"]) == told["victims"]
    assert main(["complaints", "watch", str(file), "--lang", "zh"]) == 0
    assert "投诉多于平常" in capfdbinary.readouterr().out.decode()


def test_texts_alone_ring_by_kind_and_new_script(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """No column names kind or script: both are read, and the calls ring among many ordinary complaints."""
    ordinary = [("裙子掉色申请退货", day) for day in range(100) for _ in range(3)]
    told = ("昨天{n}点有人自称店铺客服,说误把我登记成批发商,要我报短信验证码。",
            "接到假客服电话,说我被录成代理商了,让我提供验证码,被扣{n}元。")  # fmt: skip
    calls = [(told[n % 2].format(n=n), day) for day, more in ((92, 1), (93, 4), (94, 8)) for n in range(more)]
    file = tmp_path / "c.jsonl"
    rows = [
        {
            "complaint": f"k{i}",
            "received": (FIRST + timedelta(days=day)).isoformat() + "T10:00:00Z",
            "text": text,
        }
        for i, (text, day) in enumerate([*ordinary, *calls])
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert main(["complaints", "watch", str(file), "--json", "--lang", "zh"]) == 0
    found = json.loads(capfdbinary.readouterr().out)
    assert found["victims"] == len(calls), "what is no fraud is not counted"
    day = (FIRST + timedelta(days=93)).isoformat()
    assert [(a["day"], a["value"]) for a in found["rules"] if a["kind"] == "new_script"] == [
        (day, "s1 冒充客服（店铺）：误设为批发商；要求提供验证码")
    ]
    assert main(["complaints", "watch", str(file)]) == 0
    assert "s1 Fake customer service (the shop)" in capfdbinary.readouterr().out.decode()
    rung = {(a["by"], a["value"].partition(" ")[0]): a["day"] for a in found["alarms"]}
    assert rung["kind", "fake_customer_service"] == day


def test_orders_tell_a_sale_from_a_leak(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    sale = [7 * (60 <= i < 67) for i in range(80)]
    file = write_csv(tmp_path / "c.csv", [2 + more for more in sale])
    orders = tmp_path / "o.csv"
    lines = [
        f"o{i}-{j},a,{(FIRST + timedelta(days=i)).isoformat()}T10:00:00Z"
        for i in range(80) for j in range(40 + 140 * (58 <= i < 66))
    ]  # fmt: skip
    orders.write_text("\n".join(["order,account,time", *lines]) + "\n", encoding="utf-8")
    rung = []
    for more in ([], ["--orders", str(orders)]):
        assert main(["complaints", "watch", str(file), "--json", *more]) == 0
        rung.append(len(json.loads(capfdbinary.readouterr().out)["alarms"]))
    assert rung[0] > 0
    assert rung[1] == 0
    calls = write_csv(tmp_path / "c.csv", plant([2 + more for more in sale], 70, OUTBREAK))
    assert main(["complaints", "watch", str(calls), "--json", "--orders", str(orders)]) == 0
    days = [alarm["day"] for alarm in json.loads(capfdbinary.readouterr().out)["alarms"]]
    assert min(days) <= (FIRST + timedelta(days=72)).isoformat()


def test_the_reading_adds_kind_and_script(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    file = write_csv(tmp_path / "c.csv", [0] * 20 + [6])
    read = tmp_path / "read.jsonl"
    read.write_text(
        "".join(
            json.dumps({"complaint": f"k20-{i}", "kind": "fake_loan", "script": 4}) + "\n" for i in range(6)
        )
    )
    assert main(["complaints", "watch", str(file), "--read", str(read), "--json"]) == 0
    told = json.loads(capfdbinary.readouterr().out)
    assert [(a["kind"], a["value"]) for a in told["rules"]] == [("new_script", "4")]
    read.write_text("nonsense\n")
    assert main(["complaints", "watch", str(file), "--read", str(read)]) == 2
    assert b"read.jsonl:1:" in capfdbinary.readouterr().err


@pytest.mark.parametrize(
    "more",
    [
        ["--webhook", "https://chat.example/h"],
        ["--webhook", "file:///etc/passwd", "--sent", "s"],
        ["--mail-to", "a@b.example", "--sent", "s"],
        ["--false-alarms-per-year", "0"],
        ["--since", "soon"],
        ["--map", "nothing=x"],
    ],
)
def test_what_cannot_be_used_ends_in_one_line(
    more: list[str], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    file = write_csv(tmp_path / "c.csv", [1, 1])
    assert main(["complaints", "watch", str(file), *more]) == 2
    assert capfdbinary.readouterr().err.count(b"\n") == 1


# --- sending, to servers of this machine ----------------------------------------------------


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted; answers as the server's `status` says."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class Mail(StreamRequestHandler):
    """As much of SMTP as a sender needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        text, in_data = b"", False
        for line in self.rfile:
            if in_data:
                in_data = line != b".\r\n"
                text += line
                if in_data:
                    continue
                self.server.got.append(text.decode())  # type: ignore[attr-defined]
            elif line.upper().startswith(b"DATA"):
                in_data = True
                self.wfile.write(b"354 go on\r\n")
                continue
            if line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 fine\r\n")


@pytest.fixture(params=[(HTTPServer, Hook), (TCPServer, Mail)], ids=["webhook", "mail"])
def server(request: pytest.FixtureRequest) -> Any:
    kind, handler = request.param
    with kind(("127.0.0.1", 0), handler) as made:
        made.got, made.status = [], 200
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def receivers(server: Any) -> Receivers:
    address = f"127.0.0.1:{server.server_address[1]}"
    if isinstance(server, HTTPServer):
        return Receivers(webhook=f"http://{address}/hook")
    return Receivers(mail_to="desk@shop.example", smtp=f"smtp://{address}")


def test_an_alarm_is_sent_once(server: Any, tmp_path: Path) -> None:
    to, sent = receivers(server), tmp_path / "sent.txt"
    assert send_alarms([ALARM], to, sent, "zh") == 1
    assert send_alarms([ALARM], to, sent, "zh") == 0
    assert len(server.got) == 1
    got = server.got[0]
    text = (
        got["text"] if isinstance(got, dict) else message_from_string(got).get_payload(decode=True).decode()
    )
    assert "2015-04-28：投诉多于平常（地区 Hubei）" in text


def test_a_failure_is_told_and_tried_again(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), Hook) as made:
        made.got, made.status = [], 302  # type: ignore[attr-defined]
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            with pytest.raises(StanchError, match="webhook: could not be sent"):
                send_alarms([ALARM], receivers(made), tmp_path / "sent.txt", "en")
            assert not (tmp_path / "sent.txt").exists()
            made.status = 200  # type: ignore[attr-defined]
            assert send_alarms([ALARM], receivers(made), tmp_path / "sent.txt", "en") == 1
        finally:
            made.shutdown()
            thread.join()


def test_a_password_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    with TCPServer(("127.0.0.1", 0), Mail) as made:
        made.got = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            to = Receivers(mail_to="a@b.example", smtp=f"smtp://user@127.0.0.1:{made.server_address[1]}")
            with pytest.raises(StanchError, match="no encryption"):
                send_alarms([ALARM], to, tmp_path / "sent.txt", "en")
            assert made.got == []  # type: ignore[attr-defined]
        finally:
            made.shutdown()
            thread.join()


def test_nothing_is_sent_unasked(tmp_path: Path) -> None:
    assert send_alarms([ALARM], Receivers(), tmp_path / "sent.txt", "en") == 0
    assert not (tmp_path / "sent.txt").exists()
    with pytest.raises(UsageError, match="both a receiver and a server"):
        Receivers(mail_to="a@b.example")


def test_both_languages_say_the_same() -> None:
    for package in ("stanch.complaints", "stanch.complaints.early"):
        fields = [
            {
                (part, key): {f for _, f, _, _ in Formatter().parse(text) if f}
                for part, texts in tomllib.loads(
                    files(package).joinpath("texts", f"{lang}.toml").read_text("utf-8")
                ).items()
                for key, text in texts.items()
            }
            for lang in ("en", "zh")
        ]
        assert fields[0] == fields[1]


# --- kinds and seasons ---------------------------------------------------------------------


def test_a_kind_rings_among_many_other_complaints() -> None:
    """Twenty ordinary complaints a day hide what the kind of the calls shows."""
    days = peace(3, mean=20.0, alpha=0.1)
    calls = [0] * 420 + [5, 10, 16, 25, 30]
    kinds = ["other_fraud"] * sum(days[:425]) + ["fake_customer_service"] * sum(calls)
    rows = [table(days[:425]), table(calls)]
    victims = pl.concat(rows).with_columns(kind=pl.Series(kinds))
    last = FIRST + timedelta(days=424)
    replay = replay_complaints(victims, EarlySettings(), FIRST, last)
    assert replay is not None
    rung = [alarm for alarm in replay.alarms if alarm.day >= FIRST + timedelta(days=420)]
    assert (rung[0].by, rung[0].value) == ("kind", "fake_customer_service")
    assert (rung[0].day - FIRST).days <= 421
    assert not replay_complaints(table(days[:425]), EarlySettings(), FIRST, last).alarms  # type: ignore[union-attr]


def test_ordinary_complaints_tell_a_sale_from_a_leak() -> None:
    """A sale brings four times as much of everything, a leak more calls alone."""
    times = [4 if 200 <= i < 207 else 1 for i in range(230)]
    ordinary = [10 * n for n in times]
    sale = [2 * n for n in times]

    def ring(calls: list[int], beside: list[int]) -> list[int]:
        kinds = ["not_fraud"] * sum(beside) + ["fake_customer_service"] * sum(calls)
        victims = pl.concat([table(beside), table(calls)]).with_columns(kind=pl.Series(kinds))
        replay = replay_complaints(victims, EarlySettings(), FIRST, FIRST + timedelta(days=229))
        assert replay is not None
        return [(alarm.day - FIRST).days for alarm in replay.alarms]

    assert ring(sale, ordinary) == []
    assert ring(sale, [10] * 230), "with ordinary complaints as ever it is news"
    assert min(ring(plant(sale, 202, OUTBREAK), ordinary)) in (202, 203, 204)


def test_the_first_days_teach_no_weekday() -> None:
    """A busy record begins with a guess: that must not make its first weekday many times busier."""
    replay = watch([20] * 120)
    assert [usual for _, _, usual in replay.days[20:]] == pytest.approx([20] * 100, rel=0.1)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_kind_is_told_in_words(lang: Any) -> None:
    told = tell_alarm(replace(ALARM, by="kind", value="fake_customer_service"), lang)
    assert {"en": "kind Fake customer service", "zh": "类型 冒充客服"}[lang] in told
    assert "someones_own" in tell_alarm(replace(ALARM, by="kind", value="someones_own"), lang)


def test_a_sale_that_comes_back_every_year_rings_once() -> None:
    sale = [6 * (300 <= i % 364 < 307) for i in range(364 * 3)]
    replay = watch([2 + more for more in sale])
    assert [alarm.day.year for alarm in replay.alarms] == [FIRST.year]


def test_a_leak_in_the_week_of_last_years_sale_still_rings() -> None:
    sale = [6 * (300 <= i % 364 < 307) for i in range(364 * 2)]
    counts = plant([2 + more for more in sale], 364 + 301, OUTBREAK)
    onset = FIRST + timedelta(days=364 + 301)
    rung = [alarm.day for alarm in watch(counts).alarms if alarm.day >= onset]
    assert (rung[0] - onset).days <= 2

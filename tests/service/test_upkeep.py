"""What the service does by itself: messages, late resets, new settings, limits, logs, traces."""

import base64
import hmac
import http.server
import json
import logging
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from prometheus_client import CollectorRegistry

from service.forms_in_process import SMALL, Desk, opening
from service.serving import serving
from stanch.cases.keys import ApiKey
from stanch.errors import UsageError
from stanch.guard.guard import Reset, Sweep
from stanch.guard.late import Look
from stanch.guard.leaked.filter import write_filter
from stanch.service.guard_metrics import GuardMetrics
from stanch.service.judge import explain, is_leaked
from stanch.service.limits import Limits
from stanch.service.logs import JsonLines
from stanch.service.messages import Message, Messenger, describe_sweep, sign_webhook
from stanch.service.reloading import Reloader
from stanch.service.settings import LimitSettings, NotifySettings
from stanch.settings import Settings, load_settings

S = 1_000_000


@contextmanager
def receiver(*statuses: int) -> Iterator[tuple[str, "queue.Queue[tuple[str, dict[str, str], bytes]]"]]:
    """A server that notes what is posted, and answers these statuses in turn, the last for ever."""
    got: queue.Queue[tuple[str, dict[str, str], bytes]] = queue.Queue()
    left = list(statuses)

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
            got.put((self.path, {k.lower(): v for k, v in self.headers.items()}, body))

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", got
        server.shutdown()


@contextmanager
def messenger(**settings: Any) -> Iterator[tuple[Messenger, CollectorRegistry]]:
    registry = CollectorRegistry()
    made = Messenger(lambda: NotifySettings(**settings), GuardMetrics(registry), pauses_s=(0.0, 0.0))
    made.start()
    try:
        yield made, registry
    finally:
        made.stop()


def count(registry: CollectorRegistry, way: str, result: str) -> float:
    return registry.get_sample_value("stanch_messages_total", {"way": way, "result": result}) or 0.0


MESSAGE = Message("wave", {"alarm": True, "attack_share": 0.4}, "An attack")


def test_a_webhook_is_signed_and_sent_until_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = b"a very secret secret of bytes"
    monkeypatch.setenv("STANCH_WEBHOOK_SECRET", f"whsec_{base64.b64encode(secret).decode()}")
    with receiver(500, 503, 204) as (url, got), messenger(webhook=url) as (made, registry):
        made.tell(MESSAGE)
        for _ in range(3):
            path, headers, body = got.get(timeout=60)
        assert (path, json.loads(body)["type"]) == ("/hook", "guard.wave")
        assert json.loads(body)["data"] == MESSAGE.data
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        tag = base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
        assert headers["webhook-signature"] == f"v1,{tag}"
    assert count(registry, "webhook", "sent") == 1


def test_a_receiver_that_never_takes_it_is_given_up_and_redirects_are_not_followed() -> None:
    with receiver(302) as (url, got), messenger(webhook=url) as (made, registry):
        made.tell(MESSAGE)
        paths = [got.get(timeout=60)[0] for _ in range(3)]
    assert paths == ["/hook"] * 3
    assert count(registry, "webhook", "given_up") == 1


def test_only_what_is_wanted_is_sent_and_nobody_waits() -> None:
    with receiver(204) as (url, got), messenger(webhook=url, events=("reset",)) as (made, _):
        made.tell(MESSAGE)
        made.tell(Message("reset", {}, "r"))
        assert json.loads(got.get(timeout=60)[2])["type"] == "guard.reset"
    assert got.empty()
    with messenger(webhook="http://127.0.0.1:9/") as (made, registry):
        for _ in range(3_000):
            made.tell(MESSAGE)
        assert count(registry, "webhook", "dropped") > 0


def test_without_a_secret_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STANCH_WEBHOOK_SECRET", raising=False)
    assert "webhook-signature" not in sign_webhook(b"", "m", 1)


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
def test_chats_are_reached_through_apprise(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver(200) as (url, got):
        monkeypatch.setenv("STANCH_CHATS", url.replace("http://", "json://"))
        with messenger(chats=True) as (made, _):
            made.tell(MESSAGE)
            assert b"An attack" in got.get(timeout=60)[2]


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
@pytest.mark.parametrize(("chats", "word"), [("", "STANCH_CHATS"), ("nosuch://x", "address 1")])
def test_chats_that_cannot_be_reached_are_told_at_the_start(
    monkeypatch: pytest.MonkeyPatch, chats: str, word: str
) -> None:
    monkeypatch.setenv("STANCH_CHATS", chats)
    with pytest.raises(UsageError, match=word), messenger(chats=True):
        pass
    monkeypatch.setenv("STANCH_CHATS", "json://127.0.0.1")
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    with pytest.raises(UsageError, match=r"stanch\[chat\]"), messenger(chats=True):
        pass


def make_reset(account: str, time_us: int) -> Reset:
    context = SimpleNamespace(time_s=time_us // S, ip="203.0.113.9", account=account)
    return Reset(account, 0.97, (), context, simulated=False)  # type: ignore[arg-type]


def let_in(desk: Desk, account: str, before_s: int) -> None:
    """A stranger's good login so long ago."""
    now_us, desk.now_us = desk.now_us, desk.now_us - before_s * S
    answer = desk.ask(
        "POST", "/v1/logins/assess", json={"ip": "203.0.113.9", "account": account}, headers=desk.headers
    )
    told = {"id": answer.json()["id"], "outcome": "success"}
    assert desk.ask("POST", "/v1/logins/outcome", json=told, headers=desk.headers).status_code == 200
    desk.now_us = now_us


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opening(tmp_path) as opened:
        opened.headers = {"X-Api-Key": opened.add_key("shop", "shop")}
        yield opened


def test_late_resets_are_kept_for_the_shop_and_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def sweep(now_us: int) -> Sweep:
        return Sweep(now_us, alarm=True)

    async def look_again(looks: list[Look]) -> list[Reset]:
        return [make_reset(look.context.account, look.context.time_s * S) for look in looks]

    monkeypatch.setattr(desk.service.guard, "sweep_soon", sweep)
    monkeypatch.setattr(desk.service.guard, "look_again_soon", look_again)
    let_in(desk, "ann", before_s=660)
    let_in(desk, "bob", before_s=600)
    desk.work()
    first = desk.ask("GET", "/v1/resets", headers=desk.headers).json()
    assert [reset["account"] for reset in first["resets"]] == ["ann", "bob"]
    assert first["resets"][0]["login"] == "2026-03-01T09:49:00Z"
    again = desk.ask("GET", f"/v1/resets?since={first['next']}", headers=desk.headers).json()
    assert again == {"resets": [], "next": first["next"]}
    assert desk.ask("GET", "/v1/resets?since=x", headers=desk.headers).status_code == 400
    assert {message.event for message in desk.told} == {"wave", "reset"}
    told = next(message for message in desk.told if message.event == "reset")
    assert "ann" not in told.text, "chats name no account"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_messages_say_it_in_words(lang: str) -> None:
    sweep = Sweep(0, alarm=True, level=0.42)
    (wave,) = describe_sweep(sweep, False, lang, lambda us: "2026-03-01T10:00:00Z")
    assert "42%" in wave.text
    (over,) = describe_sweep(Sweep(0), True, lang, str)
    assert over.text != wave.text
    assert describe_sweep(Sweep(0), False, lang, str) == []
    (most,) = describe_sweep(structs.replace(sweep, level=0.9991), False, lang, str)
    assert "> 99%" in most.text, "an estimate is never all"
    resets = (make_reset("ann", 0),) * 3
    (three,) = describe_sweep(Sweep(0, resets=resets), False, lang, str)
    (one,) = describe_sweep(Sweep(0, resets=resets[:1]), False, lang, str)
    assert "3" in three.text
    assert "3" not in one.text
    assert (one.text[0] > "\u2e80") == (lang == "zh")


def test_what_is_wrong_is_told_in_the_language_of_messages(tmp_path: Path) -> None:
    with opening(tmp_path, notify=NotifySettings(lang="zh"), guard=structs.replace(SMALL, lang="zh")) as desk:
        desk.headers = {"X-Api-Key": desk.add_key("shop", "shop")}
        body = {"ip": "203.0.113.9", "account": "ann", "time": desk.now_us / S}
        assert desk.ask("POST", "/v1/logins/assess", json=body, headers=desk.headers).status_code == 200
        body["time"] = desk.now_us / S - 7_200
        assert desk.ask("POST", "/v1/logins/assess", json=body, headers=desk.headers).status_code == 200
        desk.work()
        (told,) = [message for message in desk.told if message.event == "trouble"]
        assert told.text.startswith("时钟有问题：收到")
        assert desk.ask("GET", "/readyz").json()["troubles"]["clock"] in told.text
        assert "stanch_guard_old_rows_total 1.0" in desk.ask("GET", "/metrics", "127.0.0.1").text
        desk.now_us += 3_700 * S
        desk.duty._tick = 0
        desk.work()
        assert "troubles" not in desk.ask("GET", "/readyz").json()
        desk.service.guard.settings = structs.replace(desk.service.guard.settings, lang="zh")
        assert explain(desk.service, "challenge_passed").text == "已通过验证"


def make_reloader(desk: Desk, config: Path) -> Reloader:
    return Reloader(desk.service, config, Settings(service=desk.settings, guard=SMALL))


def look(reloader: Reloader) -> None:
    """Twice: a file that changes is left alone until it has settled."""
    reloader.check()
    reloader.check()


def test_a_file_that_is_being_written_is_left_alone(desk: Desk, tmp_path: Path) -> None:
    config = tmp_path / "stanch.toml"
    config.write_text("[guard]\ncustomers = 1000\nrecent = 1000\n")
    reloader = make_reloader(desk, config)
    config.write_text("[gua")
    reloader.check()
    assert "settings" not in desk.service.troubles
    config.write_text("[guard]\ncustomers = 1000\nrecent = 1000\nbudget = 0.1\n")
    reloader.check()
    assert desk.service.guard.settings.budget != 0.1
    reloader.check()
    assert desk.service.guard.settings.budget == 0.1


def test_new_settings_are_used_and_bad_ones_change_nothing(desk: Desk, tmp_path: Path) -> None:
    config = tmp_path / "stanch.toml"
    config.write_text("")
    reloader = make_reloader(desk, config)
    sizes = "customers = 1000\nrecent = 1000\n"
    config.write_text(
        f"[guard]\n{sizes}enforce = ['challenge']\n[service]\nport = 9\n[service.limits]\nshop = 7\n"
    )
    look(reloader)
    assert desk.service.guard.settings.enforce == ("challenge",)
    assert desk.service.limits.settings.shop == 7
    assert desk.service.settings.port == desk.settings.port, "read at the start only"
    ready = desk.ask("GET", "/readyz")
    assert "troubles" not in ready.json()
    for bad in ("[guard]\nenforce = ['shoot']\n", "[guard]\nscorecard = '/no/such'\n", "not toml ["):
        config.write_text(bad)
        look(reloader)
        assert desk.service.guard.settings.enforce == ("challenge",)
        ready = desk.ask("GET", "/readyz")
        assert (ready.status_code, set(ready.json()["troubles"])) == (200, {"settings"})
    config.write_text(f"[guard]\n{sizes}")
    look(reloader)
    assert desk.service.guard.settings.enforce == ()
    assert "troubles" not in desk.ask("GET", "/readyz").json()


def test_an_allow_list_is_followed(desk: Desk, tmp_path: Path) -> None:
    config, listed = tmp_path / "stanch.toml", tmp_path / "allow.txt"
    config.write_text("")
    reloader = make_reloader(desk, config)
    listed.write_text("203.0.113.0/24\n")
    config.write_text(f"[guard]\ncustomers = 1000\nrecent = 1000\n[service]\nallow_list = '{listed}'\n")
    look(reloader)
    assert desk.service.allow_list.allows("203.0.113.7")
    listed.write_text("nonsense\n")
    look(reloader)
    assert "allow_list" in desk.ask("GET", "/readyz").json()["troubles"]


def test_a_list_of_leaked_credentials_is_followed_and_a_bad_one_changes_nothing(
    desk: Desk, tmp_path: Path
) -> None:
    config, listed = tmp_path / "stanch.toml", tmp_path / "leaked.filter"
    start = "[guard]\ncustomers = 1000\nrecent = 1000\n"
    config.write_text(start)
    reloader = make_reloader(desk, config)

    def compile_list(*hashes: int) -> None:
        write_filter(listed, [np.array(sorted(hashes), dtype=np.uint64)], 1)
        look(reloader)

    def ask(credential: int) -> bool | None:
        return is_leaked(desk.service, f"{credential:016x}")

    assert ask(7) is None
    compile_list(7, 9)
    config.write_text(f"{start}[service]\nleaked = '{listed}'\n")
    look(reloader)
    assert (ask(7), ask(8)) == (True, False)
    compile_list(8)
    assert (ask(7), ask(8)) == (False, True), "the same name, another list"
    bad = tmp_path / "bad"
    bad.write_text("no list")
    bad.replace(listed)
    look(reloader)
    assert (ask(7), ask(8)) == (False, True)
    assert "leaked" in desk.ask("GET", "/readyz").json()["troubles"]
    compile_list(7)
    assert (ask(7), ask(8)) == (True, False)
    assert "troubles" not in desk.ask("GET", "/readyz").json()
    config.write_text(start)
    look(reloader)
    assert ask(7) is None


def test_a_key_that_calls_too_often_is_told_to_wait() -> None:
    now = 0.0
    limits = Limits(LimitSettings(shop=10), lambda: now)
    key = ApiKey("k", "shop", "shop", b"", 0, None, None)
    assert [limits.take(key) for _ in range(13)] == [True] * 10 + [False] * 3
    now = 0.5
    assert [limits.take(key) for _ in range(6)] == [True] * 5 + [False]
    other = ApiKey("o", "other", "shop", b"", 0, None, None)
    assert limits.take(other), "each key has its own"


def test_too_many_requests_are_a_problem_on_both_ways(tmp_path: Path) -> None:
    with opening(tmp_path, limits=LimitSettings(shop=1)) as desk:
        headers = {"X-Api-Key": desk.add_key("shop", "shop")}
        answers = [
            desk.ask("POST", "/v1/logins/assess", json={"ip": "198.51.100.7"}, headers=headers)
            for _ in range(4)
        ]
        assert answers[0].status_code == 200
        assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "too_many_requests")
        assert answers[-1].headers["retry-after"]
        assert 'stanch_keys_limited_total{scope="shop"}' in desk.ask("GET", "/metrics", "127.0.0.1").text


def test_the_log_is_json_a_line_and_names_no_person() -> None:
    record = logging.LogRecord("stanch.requests", logging.INFO, "", 0, "request", None, None)
    record.told = {"route": "/v1/logins/assess", "status": 200}
    line = json.loads(JsonLines().format(record))
    assert (line["level"], line["message"], line["status"]) == ("info", "request", 200)
    try:
        raise ValueError("on\ntwo lines")
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    assert "\n" not in JsonLines().format(record)


def test_logs_and_traces_of_a_running_service(tmp_path: Path) -> None:
    with receiver(200) as (url, got):
        settings = f"log = 'json'\nlog_requests = true\ntraces = '{url}'\n"
        with serving(tmp_path, settings) as served:
            body = {"ip": "198.51.100.77", "account": "ann@example.org"}
            with served.client(served.add_key("shop", "shop")) as client:
                assert client.post("/v1/logins/assess", json=body).status_code == 200
            assert served.process is not None
            served.process.terminate()
            _, told = served.process.communicate(timeout=60)
        spans = got.get(timeout=60)[2]
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert {"route": "/v1/logins/assess", "status": 200}.items() <= lines[-1].items()
    assert b"/v1/logins/assess" in spans
    for text in (told.encode(), spans):
        assert b"198.51.100.77" not in text
        assert b"ann@" not in text


def test_a_running_service_reads_its_settings_anew_on_sighup(tmp_path: Path) -> None:
    import signal

    with serving(tmp_path) as served:
        assert served.process is not None
        assert served.process.stderr is not None
        served.settings = "not = toml = ["
        assert served.config.exists()
        served.process.send_signal(signal.SIGHUP)
        # The console's first link was told before.
        assert any("the former stay" in served.process.stderr.readline() for _ in range(3))
        with served.client() as client:
            assert "settings" in client.get("/readyz").json()["troubles"]


def test_settings_files_say_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(
        '[service]\nlog = "json"\n[service.notify]\nwebhook = "https://a.example/x"\n'
        '[guard]\non_unavailable = "challenge"\n'
    )
    assert load_settings(path).service.notify.webhook == "https://a.example/x"

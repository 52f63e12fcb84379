"""The middlewares, each with its real framework: the same login, the same attacks, the same answers."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import django
import flask
import httpx
import pytest
from django.conf import settings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from client.fake_guard import FakeGuard, guarding
from stanch_client import AsyncClient, Client, Verdict
from stanch_client.asgi import StanchMiddleware
from stanch_client.flask import guard_logins
from stanch_client.login import LoginRules, merge_devices

PASSWORD = "correct horse battery"
RULES = LoginRules(path="/login", account_field="email")
PAGE = {"Accept": "text/html"}
PARTS = ("multipart/form-data; boundary=b",)
PATIENT = 20.0


@dataclass
class Shop:
    """A shop with one customer, and what came of resets."""

    send: Callable[..., httpx.Response] = lambda: httpx.Response(599)
    resets: list[tuple[str, str]] = field(default_factory=list)
    n_checked: int = 0

    def check(self, account: str, password: str) -> bool:
        self.n_checked += 1
        return (account, password) == ("ann@example.org", PASSWORD)

    def login(
        self, password: str = PASSWORD, account: str = "ann@example.org", **given: Any
    ) -> httpx.Response:
        return self.send("/login", data={"email": account, "password": password}, **given)


@pytest.fixture
def guard() -> Iterator[FakeGuard]:
    with guarding() as running:
        yield running


def note_reset(shop: Shop) -> Callable[[str, Verdict], None]:
    return lambda account, verdict: shop.resets.append((account, verdict.action))


def open_starlette(shop: Shop, guard: FakeGuard) -> httpx.BaseTransport:
    async def login(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        if shop.check(form["email"], form["password"]):
            response = RedirectResponse("/", 303)
            response.set_cookie("session", "signed-in")
            return response
        return HTMLResponse("wrong", 401 if "api" in request.headers else 200)

    async def ok(_: Request) -> Response:
        return HTMLResponse("home")

    async def on_reset(account: str, verdict: Verdict) -> None:
        note_reset(shop)(account, verdict)

    client = AsyncClient(guard.url, key="k", timeout_s=PATIENT)
    routes = [Route("/login", login, methods=["POST"]), Route("/", ok, methods=["GET", "POST"])]
    middleware = [Middleware(StanchMiddleware, client=client, rules=RULES, on_reset=on_reset)]
    app = Starlette(routes=routes, middleware=middleware)

    class Transport(httpx.BaseTransport):
        def __init__(self) -> None:
            self.runner = asyncio.Runner()

        def close(self) -> None:
            self.runner.run(client.aclose())
            self.runner.close()

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            async def call() -> httpx.Response:
                transport = httpx.ASGITransport(app, client=("203.0.113.7", 4711))
                asked = httpx.Request(
                    request.method, request.url, headers=request.headers, content=request.read()
                )
                answer = await transport.handle_async_request(asked)
                return httpx.Response(
                    answer.status_code, headers=answer.headers, content=await answer.aread()
                )

            return self.runner.run(call())

    return Transport()


def open_flask(shop: Shop, guard: FakeGuard) -> httpx.BaseTransport:
    app = flask.Flask("shop")
    app.secret_key = "for the test alone"

    @app.post("/login")
    def login() -> Any:
        if shop.check(flask.request.form["email"], flask.request.form["password"]):
            flask.session["account"] = "ann"
            return flask.redirect("/", 303)
        return "wrong", 401 if "api" in flask.request.headers else 200

    @app.route("/", methods=["GET", "POST"])
    def ok() -> str:
        return "home"

    client = Client(guard.url, key="k", timeout_s=PATIENT)
    guard_logins(app, client, RULES, on_reset=note_reset(shop))

    class Transport(httpx.WSGITransport):
        def close(self) -> None:
            client.close()

    return Transport(app, remote_addr="203.0.113.7")


def open_django(shop: Shop, guard: FakeGuard) -> httpx.BaseTransport:
    from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
    from django.urls import path

    if not settings.configured:
        settings.configure(
            SECRET_KEY="for the test alone",
            ALLOWED_HOSTS=["*"],
            ROOT_URLCONF=type("Urls", (), {"urlpatterns": []}),
            SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
            USE_TZ=True,
            MIDDLEWARE=[
                "django.contrib.sessions.middleware.SessionMiddleware",
                "stanch_client.django.StanchMiddleware",
            ],
        )
        django.setup()

    def login(request: HttpRequest) -> HttpResponse:
        if shop.check(request.POST["email"], request.POST["password"]):
            request.session["account"] = "ann"
            return HttpResponseRedirect("/")
        return HttpResponse("wrong", status=401 if "api" in request.headers else 200)

    def ok(_: HttpRequest) -> HttpResponse:
        return HttpResponse("home")

    settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": [path("login", login), path("", ok)]})
    settings.STANCH = {
        "url": guard.url,
        "key": "k",
        "timeout_s": PATIENT,
        "path": "/login",
        "account_field": "email",
        "on_reset": note_reset(shop),
    }
    from django.core.handlers.wsgi import WSGIHandler
    from django.urls import clear_url_caches

    clear_url_caches()
    return httpx.WSGITransport(WSGIHandler(), remote_addr="203.0.113.7")


@pytest.fixture(params=[open_starlette, open_django, open_flask], ids=["asgi", "django", "flask"])
def shop(request: pytest.FixtureRequest, guard: FakeGuard) -> Iterator[Shop]:
    made = Shop()
    with httpx.Client(transport=request.param(made, guard), base_url="http://shop.test") as browser:

        def send(path: str, *, headers: dict[str, str] | None = None, **given: Any) -> httpx.Response:
            browser.cookies.clear()
            return browser.post(path, headers={**PAGE, **(headers or {})}, **given)

        made.send = send
        yield made


def cookie_of(response: httpx.Response) -> str:
    found = re.search(r"stanch-device=([^;]+)", response.headers.get("set-cookie", ""))
    return found[1].strip('"') if found else ""


def test_a_good_login_passes_and_its_device_gets_a_cookie(shop: Shop, guard: FakeGuard) -> None:
    guard.set(outcome={"device": "t" * 48})
    response = shop.login()
    assert response.status_code in (302, 303)
    assert cookie_of(response) == "t" * 48
    assert re.search(r"(?i)stanch-device=[^\n]*HttpOnly[^\n]*SameSite=Lax", response.headers["set-cookie"])
    asked = guard.bodies("assess")[0]
    assert (asked["account"], asked["ip"]) == ("ann@example.org", "203.0.113.7")
    assert guard.outcomes == ["success"]


def test_no_password_leaves_the_shop(shop: Shop, guard: FakeGuard) -> None:
    shop.login()
    shop.login("another secret")
    told = str(guard.requests)
    assert len(guard.requests) == 4
    assert "correct" not in told
    assert "secret" not in told


@pytest.mark.parametrize("headers", [{}, {"api": "1"}])
def test_a_wrong_password_is_told(shop: Shop, guard: FakeGuard, headers: dict[str, str]) -> None:
    guard.set(outcome={"device": "t" * 48})
    assert not cookie_of(shop.login("wrong", headers=headers))
    assert guard.outcomes == ["failure"]


def test_a_denied_login_never_reaches_the_shop(shop: Shop, guard: FakeGuard) -> None:
    guard.set({"action": "deny"})
    response = shop.login(headers={"Accept-Language": "zh-CN"})
    assert response.status_code == 403
    assert "暂时无法登录" in response.text
    assert shop.n_checked == 0
    assert guard.outcomes == ["denied"]


def test_a_challenge_leads_browsers_to_its_page_and_tells_programs(shop: Shop, guard: FakeGuard) -> None:
    guard.set({"action": "challenge", "id": "a/1+", "challenge": "proof_of_work"})
    response = shop.login()
    assert response.status_code == 303
    assert response.headers["location"] == "/challenge?id=a/1%2B&next=/login"
    told = shop.login(headers={"Accept": "application/json"})
    assert told.status_code == 401
    assert told.json()["challenge"] == "proof_of_work"
    assert shop.n_checked == 0
    assert guard.outcomes == ["challenged"] * 2


def test_what_a_challenge_earned_and_the_device_are_shown_to_the_guard(shop: Shop, guard: FakeGuard) -> None:
    shop.login(headers={"Cookie": f"stanch-passed=earned; stanch-device={'d' * 48}"})
    asked = guard.bodies("assess")[0]
    assert (asked["passed"], asked["device"]) == ("earned", "d" * 48)


def test_a_reset_undoes_a_good_login(shop: Shop, guard: FakeGuard) -> None:
    guard.set(outcome={"action": "reset", "device": "t" * 48})
    response = shop.login()
    assert response.status_code == 403
    assert shop.resets == [("ann@example.org", "reset")]
    assert not cookie_of(response)
    session = re.search(r"session(?:id)?=([^;]*)", response.headers.get("set-cookie", ""))
    assert session is None or session[1] in ("", '""'), "the thief is not signed in"


def test_simulated_changes_nothing(shop: Shop, guard: FakeGuard) -> None:
    guard.set({"action": "deny", "simulated": True}, {"action": "reset", "simulated": True})
    assert shop.login().status_code in (302, 303)
    assert shop.resets == []


def test_a_guard_that_fails_stops_nobody(shop: Shop, guard: FakeGuard) -> None:
    guard.status = 500
    assert shop.login().status_code in (302, 303)
    assert shop.login("wrong").status_code == 200


def test_other_requests_are_nobodys_business(shop: Shop, guard: FakeGuard) -> None:
    assert shop.send("/", data={"email": "ann@example.org"}).text == "home"
    assert guard.requests == []


def test_a_json_login_is_read(shop: Shop, guard: FakeGuard) -> None:
    with suppress(KeyError):  # this shop reads forms only
        shop.send("/login", json={"email": "ann@example.org", "password": PASSWORD})
    assert guard.bodies("assess")[0]["account"] == "ann@example.org"


@pytest.mark.parametrize(
    "body",
    [b"", b"%%%", b"\xff\xfe", b"--", b"--b\r\n\r\n", b"--b\r\nContent-Disposition: form-data; name=email"],
)
def test_odd_bodies_have_no_account(body: bytes) -> None:
    for media_type in (
        "application/x-www-form-urlencoded",
        "application/json",
        *PARTS,
        "multipart/form-data",
    ):
        assert RULES.find_account(media_type, body) == ""


@pytest.mark.parametrize(
    "given",
    [
        {"data": {"filler": "x" * 100_000, "email": "ann@example.org", "password": PASSWORD}},
        {"data": {f"f{n}": "" for n in range(900)} | {"email": "ann@example.org", "password": PASSWORD}},
        {"data": {"email": "ann@example.org", "password": PASSWORD}, "files": {"x": ("a.txt", b"\0")}},
        {"content": b"%65mail=ann%40example.org&password=x"},
    ],
    ids=["long", "many", "parts", "escaped"],
)
def test_nobody_can_hide_from_the_guard_whose_account_he_tries(
    shop: Shop, guard: FakeGuard, given: dict[str, Any]
) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"} if "content" in given else {}
    with suppress(KeyError):  # one of these shops reads no parts
        shop.send("/login", headers=form, **given)
    assert guard.bodies("assess")[0]["account"] == "ann@example.org"


def test_of_two_accounts_the_guard_is_told_the_one_that_the_shop_reads(shop: Shop, guard: FakeGuard) -> None:
    content = f"email=decoy@example.org&email=ann@example.org&password={PASSWORD}&email=decoy@example.org"
    for body in (content, content.rpartition("&")[0]):
        read: list[str] = []
        shop.check = lambda account, password, read=read: bool(read.append(account))  # type: ignore[method-assign]
        shop.send("/login", headers={"Content-Type": "application/x-www-form-urlencoded"}, content=body)
        assert guard.bodies("assess")[-1]["account"] == read[0]


@pytest.mark.parametrize("body", [b"[" * 60_000, b'{"email": ["a"]}', b'["email"]', b'{"email": null}', b"{"])
def test_odd_json_has_no_account(body: bytes) -> None:
    assert RULES.find_account("application/json", body) == ""


def test_a_browser_keeps_tokens_of_several_accounts() -> None:
    tokens = [f"{name * 11}{name * 37}" for name in "abcdef"]
    cookie = ""
    for token in tokens:
        cookie = merge_devices(cookie, token)
    assert cookie.split("~") == list(reversed(tokens))[:4]
    renewed = "c" * 11 + "x" * 37
    assert merge_devices(cookie, renewed).split("~")[0] == renewed
    assert tokens[2] not in merge_devices(cookie, renewed)

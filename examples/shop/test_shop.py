"""The example's login under attack, all of it on this machine: a real guard, a real shop, real addresses.

On Linux all of 127.0.0.0/8 is this machine, so that customers and attackers have addresses of their own.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright

from guard.solving import solve
from service.serving import Served, find_port, serving

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
N_CUSTOMERS, N_TRIED, N_STOLEN = 80, 400, 12
GUARD = """enforce = ["challenge", "deny", "reset", "ban"]
challenge = "proof_of_work"
"""
CHALLENGE = """[service.challenge]
min_bits = 10
max_bits = 12
"""
AGENTS = [f"Mozilla/5.0 (Windows NT 10.0; rv:{n}.0) Gecko/20100101 Firefox/{n}.0" for n in range(100, 120)]


class Person:
    """A browser at one address."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def login(self, account: str, password: str) -> str:
        """`in`, `wrong`, `challenge`, `deny` or `reset`."""
        response = self.client.post("/login", data={"account": account, "password": password})
        location = response.headers.get("location", "")
        if response.status_code == 303:
            return "challenge" if location.startswith("/challenge") else "in"
        if response.status_code == 403:
            return "reset" if "new password" in response.text else "deny"
        return "wrong"

    def login_through_challenge(self, account: str, password: str) -> str:
        """As a person does: follow the challenge, then try again."""
        response = self.client.post("/login", data={"account": account, "password": password})
        location = response.headers["location"]
        assert location.startswith("/challenge")
        page = self.client.get(location).text
        found = dict(re.findall(r'(data-puzzle|data-part-bits|name="puzzle" value)="([^"]+)"', page))
        solution = solve(bytes.fromhex(found["data-puzzle"]), int(found["data-part-bits"]))
        self.client.post(
            "/challenge",
            data={"puzzle": found['name="puzzle" value'], "solution": solution, "next": "/login"},
        )
        return self.login(account, password)


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("guard"), CHALLENGE, GUARD) as served:
        yield served


@pytest.fixture(scope="module")
def shop(guard: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    customers = tmp_path_factory.mktemp("shop") / "customers.txt"
    pairs = [f"customer{n}@example.org:secret-{n}" for n in range(N_CUSTOMERS)]
    customers.write_text("\n".join([*pairs, "newcomer@example.org:fresh", "late@example.org:fresh"]))
    port = find_port()
    environment = {
        "STANCH_URL": guard.url,
        "STANCH_KEY": guard.add_key("shop", "shop"),
        "STANCH_TIMEOUT_S": "20",
        "SHOP_CUSTOMERS": str(customers),
    }
    command = [sys.executable, str(Path(__file__).with_name("shop.py")), "--port", str(port)]
    process = subprocess.Popen(command, env=os.environ | environment)
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, transport=httpx.HTTPTransport(retries=10), timeout=60) as client:
            for _ in range(200):
                try:
                    client.get("/")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)  # until it listens
        yield url
    finally:
        process.terminate()
        process.wait()


Meet = Callable[[str, str], Person]


@pytest.fixture
def meet(shop: str) -> Iterator[Meet]:
    """Somebody with an address and a browser."""
    with ExitStack() as stack:

        def open_browser(ip: str, agent: str) -> Person:
            transport = httpx.HTTPTransport(local_address=ip)
            headers = {"User-Agent": agent, "Accept": "text/html"}
            client = httpx.Client(base_url=shop, headers=headers, transport=transport, timeout=60)
            return Person(stack.enter_context(client))

        yield open_browser


def test_stuffing_is_stopped_and_customers_are_let_alone(meet: Meet) -> None:
    rng = random.Random(1)
    people = [meet(f"127.10.{n // 200}.{n % 200 + 1}", rng.choice(AGENTS)) for n in range(N_CUSTOMERS)]

    def visit(n: int) -> str:
        return people[n].login(f"customer{n}@example.org", f"secret-{n}")

    assert Counter(visit(n) for n in range(N_CUSTOMERS)) == {"in": N_CUSTOMERS}, "an ordinary day"

    # A list of stolen pairs, of which a few are right, tried from four addresses; customers come between.
    pairs = [(f"somebody{n}@example.net", "stolen") for n in range(N_TRIED - N_STOLEN)]
    pairs += [(f"customer{n}@example.org", f"secret-{n}") for n in range(N_STOLEN)]
    rng.shuffle(pairs)
    attackers = [meet(f"127.66.6.{n}", "python-requests/2.32") for n in range(1, 5)]
    attack: Counter[str] = Counter()
    genuine: Counter[str] = Counter()
    for number, (account, password) in enumerate(pairs):
        attack[attackers[number % len(attackers)].login(account, password)] += 1
        if number % 5 == 0:
            genuine[visit(rng.randrange(N_STOLEN, N_CUSTOMERS))] += 1
    stopped = attack["challenge"] + attack["deny"] + attack["reset"]
    assert stopped >= 0.9 * N_TRIED, attack
    assert attack["in"] <= 0.1 * N_STOLEN + 1, attack
    assert genuine == {"in": N_TRIED // 5}, "nobody who was here before is bothered"


def test_whoever_is_challenged_gets_in_by_work(meet: Meet) -> None:
    """A customer behind an address from which somebody has begun to try a list."""
    somebody = meet("127.88.8.8", AGENTS[0])
    tries = (somebody.login(f"nobody{n}@example.net", "stolen") for n in range(60))
    assert "challenge" in tries
    assert somebody.login_through_challenge("newcomer@example.org", "fresh") == "in"


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_a_real_browser_is_challenged_and_goes_on(shop: str, meet: Meet) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(base_url=shop)
        page.set_default_timeout(60_000)
        # Somebody else on the same line tries a list, with the same browser.
        somebody = meet("127.0.0.1", page.evaluate("navigator.userAgent"))
        assert "challenge" in (somebody.login(f"nobody{n}@example.com", "stolen") for n in range(60))

        def sign_in() -> None:
            page.goto("/login")
            page.get_by_label("Account").fill("late@example.org")
            page.get_by_label("Password").fill("fresh")
            page.get_by_role("button").click()

        # First by way of the challenge, whose answer leads back to the form; then in.
        with page.expect_response(lambda r: r.request.method == "POST" and r.url.endswith("/challenge")):
            sign_in()
        page.wait_for_url(f"{shop}/login")
        sign_in()
        page.wait_for_url(f"{shop}/")
        assert "Signed in as late@example.org" in page.inner_text("body")
        browser.close()


def test_the_owner_is_not_locked_out_by_failures_of_others(meet: Meet) -> None:
    owner = meet("127.10.9.9", AGENTS[3])
    account, password = "customer71@example.org", "secret-71"
    owner.login(account, password)
    guesser = meet("127.77.7.7", "curl/8.0")
    guesses = Counter(guesser.login(account, f"guess-{n}") for n in range(40))
    assert guesses["in"] == 0
    assert owner.login(account, password) == "in"

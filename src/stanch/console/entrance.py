"""The pages before anybody is signed in: the sign-in, and the one-time link that makes a person.

The sign-in is guarded by Stanch itself: each attempt is assessed and its outcome told, as a shop's would be.
Wrong passwords from a browser that somebody signed in with before count for that browser alone; all others
count by address and by name. A name that strangers try too often keeps out strangers without its second
factor, and never a browser that it knows.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stanch.cases.database import Connection
from stanch.cases.people import (
    NAME_PATTERN,
    ROLES,
    Invitation,
    Person,
    add_person,
    close_session,
    find_invitation,
    find_named,
    invite,
    list_people,
    open_session,
    spend_step,
    use_invitation,
)
from stanch.console.access import ROOT, SIGN_IN, delete_cookie, is_ours, read_cookie, read_next, set_cookie
from stanch.console.devices import find_device, remember_device
from stanch.console.fields import read_sent
from stanch.console.pages import MistakeError, name_reference
from stanch.console.passwords import check_password, find_leaked, hash_password, is_password
from stanch.console.rendering import read_texts, render, tell_mistake
from stanch.console.second_factor import find_step, open_secret
from stanch.console.serving import HTML, Console, note
from stanch.errors import UsageError
from stanch.guard.attempts import Answer, Attempt
from stanch.guard.guard import Context
from stanch.reporting.catalogue import Lang
from stanch.service.clients import find_address, find_network, is_same_site
from stanch.service.forms.pages import choose_language
from stanch.service.forms.taking import FORM_TYPE
from stanch.service.forms.throttle import Throttle
from stanch.service.forms.tokens import make_token, open_token, sign_token
from stanch.service.judge import judge
from stanch.service.operations import Content, Operation, Parameter
from stanch.service.state import Service, find_service

WELCOME: Final = f"{ROOT}/welcome"
FIRST_LINK_US: Final = 3_600_000_000
#: Wrong passwords an hour before further tries must wait: from one address, and from one known browser.
_WRONG_PER_ADDRESS: Final = 30
_WRONG_PER_DEVICE: Final = 10
#: … and for one name from browsers that it does not know, before those must show its second factor.
_WRONG_PER_NAME: Final = 10
#: Hashes at once: each takes 19 MiB and a core.
_AT_ONCE: Final = 2


class NewPerson(NamedTuple):
    """Who follows a link."""

    name: str
    password_hash: str
    language: Lang


class Tries(NamedTuple):
    """What one try counts for until it turns out to be good."""

    keys: tuple[str, ...]
    #: Strangers have tried the name too often.
    is_besieged: bool


class Entrance:
    """The pages of one console, and how often the wrong password was given lately."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._throttle = Throttle()
        self._hashing = asyncio.Semaphore(_AT_ONCE)

    async def show_sign_in(self, request: Request) -> Response:
        """The sign-in."""
        return await self._show(request, next=read_next(request.query_params.get("next", "")))

    async def sign_in(self, request: Request) -> Response:
        """Sign in with name, password and, where there is one, the code of the second factor."""
        service = find_service(request)
        typed = await self._read(request)
        name, target = typed.get("name", "")[:100], read_next(typed.get("next", ""))
        now_us = service.now_us()
        if not self._is_fresh(request, typed, now_us):
            return await self._show(request, "old", 422, next=target, name=name)
        device = find_device(request, service, name)
        tries = self._count(request, name, device, now_us)
        if tries is None:
            return await self._show(request, "many", 429, next=target, name=name)
        answer, context = await self._assess(request, name, device, now_us)
        has_to_prove = tries.is_besieged or _is_doubtful(answer)
        person = await self._find(service, name, typed, has_to_prove=has_to_prove)
        is_good = person is not None and (bool(device) or _is_let_in(answer))
        outcome = "success" if is_good else "failure"
        service.metrics.guard.count_outcome(outcome, service.guard.settle(context, outcome))
        token = await service.database.write_soon(lambda c: self._note(c, request, person, name, is_good))
        if not token:
            alert, status = ("besieged", 429) if tries.is_besieged else ("wrong", 401)
            return await self._show(request, alert, status, next=target, name=name)
        for key in tries.keys:
            self._throttle.take_back(key)
        response = RedirectResponse(target, 303)
        set_cookie(response, service, token)
        remember_device(request, response, service, name)
        return response

    async def sign_out(self, request: Request) -> Response:
        """Sign out, here and wherever else the cookie was copied to."""
        service = find_service(request)
        session = read_cookie(request, service)
        _, token = await read_sent(request)
        if session and not is_ours(request, service, session, token):
            return RedirectResponse(ROOT, 303)
        await service.database.write_soon(lambda c: close_session(c, session))
        response = RedirectResponse(f"{SIGN_IN}?done=sign_in.sign_out", 303)
        delete_cookie(response, service)
        return response

    async def show_welcome(self, request: Request) -> Response:
        """Where a link leads: to the choice of a password."""
        return await self._show_welcome(request, request.query_params.get("link", ""))

    async def welcome(self, request: Request) -> Response:
        """Make the person that a link is for, and sign them in."""
        service = find_service(request)
        typed = await self._read(request)
        link, password = typed.get("link", ""), typed.get("password", "")
        if not self._is_fresh(request, typed, service.now_us()):
            return await self._show_welcome(request, link, typed, MistakeError("", "old_form"))
        invitation = await service.database.ask_soon(lambda c: find_invitation(c, link, service.now_us()))
        name = typed.get("name", "") if invitation is None or not invitation.name else invitation.name
        try:
            _check_name(name)
            check_password(password, name, find_leaked(service))
            if typed.get("again", "") != password:
                raise MistakeError("again", "password_differs")
            hashed = await self._hash(password)
            person = NewPerson(name, hashed, choose_language(request))
            token = await service.database.write_soon(lambda c: _make(c, service, link, person))
        except (MistakeError, UsageError) as error:
            mistake = error if isinstance(error, MistakeError) else MistakeError("name", "name_taken")
            return await self._show_welcome(request, link, typed, mistake)
        response = RedirectResponse(ROOT, 303)
        set_cookie(response, service, token)
        remember_device(request, response, service, name)
        return response

    def list_operations(self) -> tuple[Operation, ...]:
        """Their routes."""
        page, leads = Content({HTML: None}, "The page."), Content({}, "Leads on.")
        lang = Parameter("lang", "query", "Language of the page.", {"type": "string", "enum": ["en", "zh"]})
        form = Content({FORM_TYPE: {"type": "object", "required": ["token"]}})
        taken = {303: leads, **dict.fromkeys((401, 422, 429), page)}
        return (
            Operation("GET", SIGN_IN, "console_sign_in", "The console's sign-in.", self.show_sign_in,
                      {200: page}, parameters=(lang,)),
            Operation("POST", SIGN_IN, "console_signs_in", "Sign in to the console.", self.sign_in, taken,
                      body=form, problems=(400, 413, 415)),
            Operation("POST", f"{ROOT}/sign-out", "console_sign_out", "Sign out of the console.",
                      self.sign_out, {303: leads}, body=form, problems=(400, 413, 415)),
            Operation("GET", WELCOME, "console_welcome", "Where a one-time link leads.", self.show_welcome,
                      {200: page, 404: page}, parameters=(lang,)),
            Operation("POST", WELCOME, "console_join", "Choose a password.", self.welcome,
                      {**taken, 404: page}, body=form, problems=(400, 413, 415)),
        )  # fmt: skip

    def _count(self, request: Request, name: str, device: str, now_us: int) -> Tries | None:
        """Count a try before it is looked at, since many may come at once; None: it has to wait."""
        if device:
            keys: tuple[str, ...] = (f"device {device}",)
            most = _WRONG_PER_DEVICE
        else:
            address = find_network(request, find_service(request).settings)
            keys = (f"address {address}", f"name {name.casefold()}")
            most = _WRONG_PER_ADDRESS
        if self._throttle.count(keys[0], now_us) >= most:
            return None
        is_besieged = not device and self._throttle.count(keys[1], now_us) >= _WRONG_PER_NAME
        for key in keys:
            self._throttle.add(key, now_us)
        return Tries(keys, is_besieged)

    async def _assess(self, request: Request, name: str, device: str, now_us: int) -> tuple[Answer, Context]:
        """What the guard says; the console's accounts are no shop's."""
        service = find_service(request)
        address = find_address(request, service.settings) or ""
        agent = request.headers.get("user-agent")
        attempt = Attempt(
            now_us, address, f"console {name.casefold()}", agent[:400] if agent else None,
            device=device or None, device_known=bool(device),
        )  # fmt: skip
        return await judge(service, attempt, "console")

    async def _find(
        self, service: Service, name: str, typed: Mapping[str, str], *, has_to_prove: bool
    ) -> Person | None:
        """Who it is; None where anything is wrong, or a second factor `has_to_prove` it and there is none."""
        person = await service.database.ask_soon(lambda c: find_named(c, name))
        known = person if person is not None and person.disabled_us is None else None
        async with self._hashing:
            hashed = known.password_hash if known is not None else None
            is_right = await asyncio.to_thread(is_password, typed.get("password", ""), hashed)
        if known is None or not is_right:
            return None
        if known.totp is None:
            return None if has_to_prove else known
        secret = open_secret(service, known.totp)
        step = find_step(secret, typed.get("code", ""), service.now_us()) if secret is not None else None
        if step is None:
            return None
        is_unspent = await service.database.write_soon(lambda c: spend_step(c, known.id, step))
        return known if is_unspent else None

    def _note(
        self, connection: Connection, request: Request, person: Person | None, name: str, is_good: bool
    ) -> str:
        """Write down how it ended; where it was good, the token of a fresh session in place of any other."""
        service = find_service(request)
        if person is None or not is_good:
            note(connection, service, None, "sign_in.failed", name_reference(service, "name", name))
            return ""
        close_session(connection, read_cookie(request, service))
        note(connection, service, person.id, "sign_in.sign_in", f"person:{person.id}")
        return open_session(connection, person.id, service.now_us())

    async def _hash(self, password: str) -> str:
        async with self._hashing:
            return await asyncio.to_thread(hash_password, password)

    async def _read(self, request: Request) -> dict[str, str]:
        given, token = await read_sent(request)
        typed = {name: value[0] if isinstance(value, list) else str(value) for name, value in given.items()}
        return {**typed, "token": token}

    def _is_fresh(self, request: Request, typed: Mapping[str, str], now_us: int) -> bool:
        service = find_service(request)
        token = open_token(service.secrets, typed["token"], "console", now_us)
        return token is not None and is_same_site(request, service.settings)

    async def _show(self, request: Request, alert: str = "", status: int = 200, **values: Any) -> Response:
        service = find_service(request)
        is_empty = not await service.database.ask_soon(list_people)
        token = sign_token(service.secrets, make_token("console", service.now_us()))
        given = {"name": "", "alert": alert, "token": token, "is_empty": is_empty, **values}
        frame = self._console.frame(request, None)
        return render("sign_in", frame, service.settings, status=status, **given)

    async def _show_welcome(
        self,
        request: Request,
        link: str,
        typed: Mapping[str, str] | None = None,
        mistake: MistakeError | None = None,
    ) -> Response:
        service = find_service(request)
        invitation = await service.database.ask_soon(lambda c: find_invitation(c, link, service.now_us()))
        frame = self._console.frame(request, None)
        if invitation is None:
            return render("failure", frame, service.settings, status=404, key="used_link")
        mistakes = {}
        if mistake is not None:
            texts = read_texts(frame.lang, service.settings)
            mistakes = {mistake.field: tell_mistake(texts, "welcome", mistake)}
        values = {
            "link_token": link,
            "invitation": invitation,
            "token": sign_token(service.secrets, make_token("console", service.now_us())),
            "mistakes": mistakes,
            "typed": {"name": (typed or {}).get("name", "")},
        }
        return render("welcome", frame, service.settings, status=422 if mistake else 200, **values)


def offer_first_link(service: Service) -> str:
    """Path of the one-time link that makes the first administrator; empty once there is anybody."""

    def make(connection: Connection) -> str:
        if list_people(connection):
            return ""
        now_us = service.now_us()
        return invite(connection, Invitation("", ROLES, None, now_us + FIRST_LINK_US), now_us)

    token = service.database.write(make)
    return f"{WELCOME}?link={token}" if token else ""


def _make(connection: Connection, service: Service, link: str, new: NewPerson) -> str:
    now_us = service.now_us()
    invitation = use_invitation(connection, link, now_us)
    if invitation is None:
        raise MistakeError("", "link_used")
    name = invitation.name or new.name
    person = add_person(connection, name, new.password_hash, invitation.roles, now_us, language=new.language)
    note(connection, service, person, "welcome.join", f"person:{person}", details=" ".join(invitation.roles))
    return open_session(connection, person, now_us)


def _check_name(name: str) -> None:
    if not re.fullmatch(NAME_PATTERN, name):
        raise MistakeError("name", "name_invalid")


def _is_let_in(answer: Answer) -> bool:
    return answer.simulated or answer.action in ("allow", "challenge")


def _is_doubtful(answer: Answer) -> bool:
    """Whether the guard asks for more than a password."""
    return answer.action == "challenge" and not answer.simulated

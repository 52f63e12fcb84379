"""What is declared as pages and actions, as operations over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stanch.cases import audit
from stanch.cases.database import Connection
from stanch.cases.people import Person, close_session, note_seen, open_session
from stanch.console.access import (
    ROOT,
    admit,
    is_ours,
    lead_to_sign_in,
    make_form_token,
    read_cookie,
    set_cookie,
)
from stanch.console.fields import JSON, gather, list_parameters, read_media_type, read_sent, read_struct
from stanch.console.pages import (
    EVERYBODY,
    Action,
    Done,
    MissingError,
    MistakeError,
    NotAllowedError,
    Page,
    Section,
    SignInNeededError,
    Visit,
)
from stanch.console.rendering import Frame, read_texts, render, tell_mistake
from stanch.errors import StoreError, UsageError
from stanch.reporting.catalogue import Lang
from stanch.service.forms.pages import choose_language
from stanch.service.forms.taking import FORM_TYPE
from stanch.service.operations import Content, Operation
from stanch.service.problems import MEDIA_TYPE, Problem, ProblemError, answer_problem
from stanch.service.state import Service, find_service

HTML: Final = "text/html"
PLAIN: Final = "text/plain"
#: Looks of one person at one thing within this time are one look: a page that is open asks again and again.
_SAME_LOOK_US: Final = 900_000_000
#: What is told instead, by error: status, and the key of its text.
_TOLD: Final[Mapping[type[Exception], tuple[int, str]]] = {
    SignInNeededError: (401, "sign_in_needed"),
    NotAllowedError: (403, "not_allowed"),
    MissingError: (404, "missing"),
    StoreError: (503, "not_stored"),
}
#: What leads nowhere, and how other failures are told.
_NOWHERE: Final = (404, 405)
_UNFORESEEN: Final[Mapping[int, str]] = {408: "late", 503: "not_stored"}


class Location(Struct, frozen=True):
    """Where what was done can be seen."""

    location: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a page was given to show, and to whom."""

    person: Person
    query: Any
    answer: Any
    #: The session has to be noted as used.
    is_due: bool
    #: What was looked at, and that it was not by the same person a moment ago.
    subject: str = ""
    is_new_look: bool = False


class Console:
    """All pages and actions together."""

    def __init__(self, pages: Sequence[Page[Any, Any]], actions: Sequence[Action[Any]]) -> None:
        self.pages = pages
        self.actions = actions

    def list_operations(self) -> tuple[Operation, ...]:
        """Twins go first: a path's last part would match with `.json` as well."""
        return (
            *(self._make_twin(page) for page in self.pages),
            *(self._make_page(page) for page in self.pages),
            *map(self._make_action, self.actions),
        )

    def list_sections(self, person: Person) -> list[tuple[Section, str]]:
        """Name and path of what a person sees in the navigation, in its order."""
        entries: dict[Section, str] = {}
        for page in self.pages:
            if page.section and "{" not in page.path and not page.roles.isdisjoint(person.roles):
                entries.setdefault(page.section, ROOT + page.path)
        order = get_args(Section)
        return sorted(entries.items(), key=lambda entry: order.index(entry[0]))

    def show(
        self, request: Request, page: Page[Any, Any], loaded: Loaded, *, status: int = 200, **values: Any
    ) -> Response:
        """A page as HTML."""
        frame = self.frame(request, loaded.person, page.section)
        given = {"data": loaded.answer, "query": loaded.query, **values}
        return render(page.name, frame, find_service(request).settings, status=status, **given)

    def frame(self, request: Request, person: Person | None, section: str = "") -> Frame:
        """What is around a page."""
        service = find_service(request)
        url = request.url
        return Frame(
            lang=person.language if person is not None else choose_language(request),
            path=url.path + (f"?{url.query}" if url.query else ""),
            sections=self.list_sections(person) if person is not None else (),
            section=section,
            person=person,
            token=make_form_token(service, read_cookie(request, service)) if person is not None else "",
            done=request.query_params.get("done", "")[:80],
        )

    def _make_page(self, page: Page[Any, Any]) -> Operation:
        async def answer(request: Request) -> Response:
            try:
                loaded = await load(request, page)
            except (LookupError, StoreError, ProblemError) as error:
                return await self.refuse(request, error)
            if page.give is not None:
                return page.give(loaded.answer)
            return self.show(request, page, loaded)

        return Operation(
            "GET",
            ROOT + page.path,
            f"console_{page.name}",
            f"Page of the console: {page.name.replace('_', ' ')}.",
            answer,
            {
                200: Content({HTML if page.give is None else PLAIN: None}, "The page."),
                303: Content({}, "To the sign-in."),
                **_pages(400, 403, 404, 503),
            },
            parameters=list_parameters(page.query, page.path),
        )

    def _make_twin(self, page: Page[Any, Any]) -> Operation:
        async def answer(request: Request) -> Response:
            try:
                loaded = await load(request, page)
            except (LookupError, StoreError) as error:
                return answer_failure(error)
            return Response(msgspec.json.encode(loaded.answer), media_type=JSON)

        return Operation(
            "GET",
            f"{ROOT}{page.path}.json",
            f"console_{page.name}_json",
            f"The same as JSON: {page.name.replace('_', ' ')}.",
            answer,
            {200: Content({JSON: page.answer})},
            parameters=list_parameters(page.query, page.path),
            problems=(400, 401, 403, 404),
        )

    def _make_action(self, action: Action[Any]) -> Operation:
        async def answer(request: Request) -> Response:
            is_json = read_media_type(request) == JSON
            try:
                given, token = await read_sent(request)
                return await self._act(request, action, given, token, is_json=is_json)
            except (LookupError, StoreError, ProblemError) as error:
                if not is_json:
                    back = ROOT + action.page.path.format(**request.path_params)
                    return await self.refuse(request, error, back)
                if isinstance(error, ProblemError):
                    raise
                return answer_failure(error)

        return Operation(
            "POST",
            ROOT + action.path,
            f"console_{action.name}",
            f"Act of the console: {action.name.replace('_', ' ')}.",
            answer,
            {
                200: Content({JSON: Location}, "Done."),
                303: Content({}, "Done: leads to where it can be seen, or to the sign-in."),
                **_pages(400, 401, 403, 404, 413, 415, 422, 503),
            },
            body=Content({FORM_TYPE: action.form, JSON: action.form}),
            parameters=list_parameters(None, action.path),
        )

    async def _act(
        self, request: Request, action: Action[Any], given: Mapping[str, Any], token: str, *, is_json: bool
    ) -> Response:
        service = find_service(request)
        session = read_cookie(request, service)
        if session and not is_ours(request, service, session, token):
            raise ProblemError(403, "other_site", "The form was not sent from a page of this session.")
        try:
            sent = {**given, **request.path_params}
            done, fresh = await service.database.write_soon(lambda c: _do(c, service, action, sent, session))
        except (MistakeError, UsageError) as error:
            return await self._return(request, action, given, error, is_json=is_json)
        if is_json:
            response = Response(msgspec.json.encode(Location(done.location)), media_type=JSON)
        else:
            response = RedirectResponse(add_query(done.location, done=action.full_name), 303)
        if fresh:
            set_cookie(response, service, fresh)
        return response

    async def _return(
        self,
        request: Request,
        action: Action[Any],
        given: Mapping[str, Any],
        error: MistakeError | UsageError,
        *,
        is_json: bool,
    ) -> Response:
        """The page again, with what was typed and what is wrong with it."""
        service = find_service(request)
        loaded = await load(request, action.page, only_path=True)
        lang: Lang = "en" if is_json else loaded.person.language
        texts = read_texts(lang, service.settings)
        if isinstance(error, MistakeError):
            field, code = error.field, error.key
            told = tell_mistake(texts, action.page.name, error)
        else:
            field, code, told = "", "unusable", texts.sentence(error.message)
        if is_json:
            return answer_problem(422, f"{field}: {told}" if field else told, code)
        values = {"mistakes": {field: told}, "typed": given, "acted": action.name}
        return self.show(request, action.page, loaded, status=422, **values)

    async def refuse(self, request: Request, error: Exception, back: str = "") -> Response:
        """A page that says why there is none; `back` is where to come back to after the sign-in."""
        if isinstance(error, SignInNeededError):
            return RedirectResponse(lead_to_sign_in(request, back), 303)
        person = None if isinstance(error, StoreError) else await find_reader(request)
        status, key = (error.status, "broken") if isinstance(error, ProblemError) else find_failure(error)
        settings = find_service(request).settings
        return render("failure", self.frame(request, person), settings, status=status, key=key)

    async def tell(self, request: Request, status: int, number: str) -> Response | None:
        """A page for an address that leads nowhere, or an error that nobody foresaw; None for programs."""
        path = request.url.path
        is_page = path == ROOT or path.startswith(f"{ROOT}/")
        if not is_page or HTML not in request.headers.get("accept", ""):
            return None
        # Where the database may be what fails, nobody is looked up.
        person = await find_reader(request) if status in _NOWHERE else None
        key = "missing" if status in _NOWHERE else _UNFORESEEN.get(status, "unforeseen")
        frame, settings = self.frame(request, person), find_service(request).settings
        return render("failure", frame, settings, status=status, key=key, number=number)


async def load(request: Request, page: Page[Any, Any], *, only_path: bool = False) -> Loaded:
    """What a page shows, its looks noted; `only_path` leaves the query aside.

    Raises:
        SignInNeededError, NotAllowedError, MissingError, StoreError: as they say.
        ProblemError: 400, the query cannot be understood.
    """
    service = find_service(request)
    session, now_us = read_cookie(request, service), service.now_us()
    asked = {} if only_path else gather(request.query_params.multi_items(), page.query)

    def read(connection: Connection) -> Loaded:
        person, is_due = admit(connection, session, page.roles, now_us)
        query = read_struct(page.query, {**asked, **request.path_params})
        visit = Visit(service, connection, person, person.language, now_us)
        answer = page.load(visit, query)
        if page.look is None:
            return Loaded(person, query, answer, is_due)
        subject, since_us = page.look(visit, answer), now_us - _SAME_LOOK_US
        is_known = audit.is_noted(connection, person.id, f"{page.name}.look", subject, since_us)
        return Loaded(person, query, answer, is_due, subject, not is_known)

    try:
        loaded = await service.database.ask_soon(read)
    except MistakeError as error:
        raise ProblemError(400, "bad_query", f"{error.field}: this cannot be understood.") from None
    if loaded.is_new_look:
        action = f"{page.name}.look"
        await service.database.write_soon(
            lambda c: note(c, service, loaded.person.id, action, loaded.subject)
        )
    # A page that asks by itself for what is new does not keep a sign-in alive.
    if loaded.is_due and "hx-request" not in request.headers:
        await service.database.write_soon(lambda c: note_seen(c, session, now_us))
    return loaded


def note(
    connection: Connection,
    service: Service,
    person_id: int | None,
    action: str,
    subject: str = "",
    *,
    details: str = "",
) -> None:
    """Put something into the audit."""
    audit.append(
        connection, service.secrets.derive("audit"), at_us=service.now_us(), person_id=person_id,
        action=action, subject=subject, details=details,
    )  # fmt: skip


def _do(
    connection: Connection, service: Service, action: Action[Any], sent: Mapping[str, Any], session: str
) -> tuple[Done, str]:
    """Do it and note it; the session's new token where it gets one."""
    now_us = service.now_us()
    person, _ = admit(connection, session, action.roles, now_us)
    form = read_struct(action.form, sent)
    done = action.do(Visit(service, connection, person, person.language, now_us), form)
    note(connection, service, person.id, action.full_name, done.subject, details=done.details)
    if not done.renew:
        return done, ""
    close_session(connection, session)
    return done, open_session(connection, person.id, now_us)


async def find_reader(request: Request) -> Person | None:
    """Who is signed in, if anybody."""
    service = find_service(request)
    session, now_us = read_cookie(request, service), service.now_us()
    try:
        found = await service.database.ask_soon(lambda c: admit(c, session, EVERYBODY, now_us))
    except (LookupError, StoreError):
        return None
    return found[0]


def find_failure(error: Exception) -> tuple[int, str]:
    """Status and key of the text that tells of an error."""
    return next((told for kind, told in _TOLD.items() if isinstance(error, kind)), (404, "missing"))


def answer_failure(error: Exception) -> Response:
    """The same as a problem."""
    status, key = find_failure(error)
    return answer_problem(status, "", key)


def add_query(location: str, **query: str) -> str:
    """`location` with more of a query, before its `#part`."""
    parts = urlsplit(location)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *query.items()]
    return urlunsplit(parts._replace(query=urlencode(pairs)))


def _pages(*statuses: int) -> dict[int, Content]:
    said = "Why not: a page, or for programs a problem."
    return {status: Content({HTML: None, MEDIA_TYPE: Problem}, said) for status in statuses}

"""People and roles: who may work here, invited by one-time links."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from stanch.cases.people import (
    NAME_PATTERN,
    Invitation,
    Person,
    Role,
    find_named,
    find_person,
    invite,
    list_invitations,
    list_people,
    set_disabled,
    set_roles,
    set_totp,
)
from stanch.console.pages import (
    ADMINISTRATORS,
    Action,
    Done,
    MissingError,
    MistakeError,
    Nothing,
    Number,
    Page,
    Visit,
)

_PATH: Final = "/console/people"
_INVITED_US: Final = 72 * 3_600_000_000


class Colleague(Struct, frozen=True):
    """One person as they are listed. Moments are microseconds since 1970-01-01 UTC."""

    id: int
    name: str
    roles: tuple[Role, ...]
    has_second_factor: bool
    created_us: int
    disabled_us: int | None


class Invited(Struct, frozen=True):
    """One who was invited and has not come yet."""

    name: str
    roles: tuple[Role, ...]
    expires_us: int


class Everybody(Struct, frozen=True):
    """All of them."""

    people: tuple[Colleague, ...]
    invited: tuple[Invited, ...]


class LinkQuery(Struct, frozen=True):
    """What an invitation led to."""

    link: Annotated[str, Meta(max_length=400)] = ""


class Link(Struct, frozen=True):
    """A one-time link, shown this once."""

    name: str
    url: str
    expires_us: int


class InviteForm(Struct, frozen=True):
    """Whom to invite, as what."""

    name: Annotated[str, Meta(pattern=f"^{NAME_PATTERN}$")]
    roles: tuple[Role, ...] = ()


class RolesForm(Struct, frozen=True):
    """Other roles."""

    number: Number
    roles: tuple[Role, ...] = ()


class PersonForm(Struct, frozen=True):
    """One person."""

    number: Number


def load_people(visit: Visit, _query: Nothing) -> Everybody:
    """Everybody, and who is still to come."""
    people = tuple(
        Colleague(p.id, p.name, p.roles, p.totp is not None, p.created_us, p.disabled_us)
        for p in list_people(visit.connection)
    )
    invited = list_invitations(visit.connection, visit.now_us)
    return Everybody(people, tuple(Invited(i.name, i.roles, i.expires_us) for i in invited))


def load_link(visit: Visit, query: LinkQuery) -> Link:
    """The link that was just made: it travels sealed in the address, and is stored nowhere."""
    made = visit.service.secrets.open("invitation", query.link, tuple[str, str, int])
    if made is None or made[2] <= visit.now_us:
        raise MissingError
    name, token, expires_us = made
    base = visit.service.settings.public_url
    return Link(name, f"{base}/console/welcome?link={token}", expires_us)


def invite_person(visit: Visit, form: InviteForm) -> Done:
    """Make a one-time link."""
    if find_named(visit.connection, form.name) is not None:
        raise MistakeError("name", "name_taken")
    if not form.roles:
        raise MistakeError("roles", "roles_needed")
    expires_us = visit.now_us + _INVITED_US
    invitation = Invitation(form.name, form.roles, visit.person.id, expires_us)
    token = invite(visit.connection, invitation, visit.now_us)
    sealed = visit.service.secrets.sign("invitation", (form.name, token, expires_us))
    subject = visit.name_reference("name", form.name)
    return Done(f"{_PATH}/invitation?link={sealed}", subject, " ".join(form.roles))


def change_roles(visit: Visit, form: RolesForm) -> Done:
    """Give other roles; the person is signed out everywhere."""
    person = _find(visit, form.number)
    if not form.roles:
        raise MistakeError("roles", "roles_needed")
    set_roles(visit.connection, person.id, form.roles)
    return _done(visit, person, f"{' '.join(person.roles)} -> {' '.join(form.roles)}")


def disable(visit: Visit, form: PersonForm) -> Done:
    """Keep somebody out; nothing of what they did goes."""
    person = _find(visit, form.number)
    set_disabled(visit.connection, person.id, visit.now_us)
    return _done(visit, person)


def enable(visit: Visit, form: PersonForm) -> Done:
    """Let somebody in again."""
    person = _find(visit, form.number)
    set_disabled(visit.connection, person.id, None)
    return _done(visit, person)


def forget_second_factor(visit: Visit, form: PersonForm) -> Done:
    """Take off the second factor of somebody who lost it."""
    person = _find(visit, form.number)
    set_totp(visit.connection, person.id, None, 0)
    return _done(visit, person)


def _find(visit: Visit, number: int) -> Person:
    person = find_person(visit.connection, number)
    if person is None:
        raise MissingError
    return person


def _done(visit: Visit, person: Person, details: str = "") -> Done:
    renew = person.id == visit.person.id
    return Done(_PATH, f"person:{person.id}", details, renew=renew)


PEOPLE: Final = Page(
    "/people", "people", ADMINISTRATORS, Nothing, Everybody, load_people, "people", lambda _v, _a: ""
)
INVITATION: Final = Page(
    "/people/invitation", "invitation", ADMINISTRATORS, LinkQuery, Link, load_link, "people"
)
PAGES: Final = (PEOPLE, INVITATION)
_ONE: Final = "/people/{number}"
ACTIONS: Final = (
    Action("/people/invite", "invite", ADMINISTRATORS, InviteForm, invite_person, PEOPLE),
    Action(f"{_ONE}/roles", "change_roles", ADMINISTRATORS, RolesForm, change_roles, PEOPLE),
    Action(f"{_ONE}/disable", "disable", ADMINISTRATORS, PersonForm, disable, PEOPLE),
    Action(f"{_ONE}/enable", "enable", ADMINISTRATORS, PersonForm, enable, PEOPLE),
    Action(
        f"{_ONE}/forget-second-factor", "forget_second_factor", ADMINISTRATORS, PersonForm,
        forget_second_factor, PEOPLE,
    ),
)  # fmt: skip

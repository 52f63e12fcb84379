"""One's own account: password, second factor, language."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final

from markupsafe import Markup
from msgspec import Meta, Struct

from stanch.cases.people import Language, find_person, set_language, set_password, set_totp
from stanch.console.access import read_next
from stanch.console.pages import EVERYBODY, Action, Done, MistakeError, Nothing, Page, Visit
from stanch.console.passwords import check_password, find_leaked, hash_password, is_password
from stanch.console.second_factor import draw_secret, find_step, make_secret, seal_secret, show_secret

_PATH: Final = "/console/account"
_Password = Annotated[str, Meta(max_length=400)]


class Account(Struct, frozen=True):
    """Whose it is."""

    name: str
    roles: tuple[str, ...]
    language: Language
    has_second_factor: bool


class NewSecret(Struct, frozen=True):
    """A second factor to be scanned; it counts once a code of it is given."""

    secret: str
    shown: str

    def draw(self, name: str) -> Markup:
        """As a QR code."""
        return draw_secret(base64.b32decode(self.secret), name)


class PasswordForm(Struct, frozen=True):
    """Another password."""

    current: _Password
    password: _Password
    again: _Password


class SecondFactorForm(Struct, frozen=True):
    """The secret that was shown, and a code of it."""

    secret: Annotated[str, Meta(max_length=64)]
    code: Annotated[str, Meta(max_length=12)]
    current: _Password


class ProveForm(Struct, frozen=True):
    """The password again."""

    current: _Password


class LanguageForm(Struct, frozen=True):
    """The language, and where the switch stood."""

    language: Language
    back: str = ""


def load_account(visit: Visit, _query: Nothing) -> Account:
    """Who is signed in."""
    person = visit.person
    return Account(person.name, person.roles, person.language, person.totp is not None)


def load_second_factor(_visit: Visit, _query: Nothing) -> NewSecret:
    """A fresh secret."""
    secret = make_secret()
    return NewSecret(base64.b32encode(secret).decode(), show_secret(secret))


def change_password(visit: Visit, form: PasswordForm) -> Done:
    """Another password; signed out everywhere else."""
    _prove(visit, form.current)
    check_password(form.password, visit.person.name, find_leaked(visit.service))
    if form.password != form.again:
        raise MistakeError("again", "password_differs")
    set_password(visit.connection, visit.person.id, hash_password(form.password))
    return Done(_PATH, f"person:{visit.person.id}", renew=True)


def set_second_factor(visit: Visit, form: SecondFactorForm) -> Done:
    """Take a secret into use."""
    _prove(visit, form.current)
    try:
        secret = base64.b32decode(form.secret)
    except binascii.Error:
        raise MistakeError("code", "code_wrong") from None
    step = find_step(secret, form.code, visit.now_us) if len(secret) == 20 else None
    if step is None:
        raise MistakeError("code", "code_wrong")
    set_totp(visit.connection, visit.person.id, seal_secret(visit.service, secret), step)
    return Done(_PATH, f"person:{visit.person.id}", renew=True)


def remove_second_factor(visit: Visit, form: ProveForm) -> Done:
    """Do without."""
    _prove(visit, form.current)
    set_totp(visit.connection, visit.person.id, None, 0)
    return Done(_PATH, f"person:{visit.person.id}", renew=True)


def choose_language(visit: Visit, form: LanguageForm) -> Done:
    """Have the pages in another language."""
    set_language(visit.connection, visit.person.id, form.language)
    return Done(read_next(form.back) if form.back else _PATH, f"person:{visit.person.id}")


def _prove(visit: Visit, password: str) -> None:
    person = find_person(visit.connection, visit.person.id)
    if person is None or not is_password(password, person.password_hash):
        raise MistakeError("current", "password_wrong")


ACCOUNT: Final = Page("/account", "account", EVERYBODY, Nothing, Account, load_account)
SECOND_FACTOR: Final = Page(
    "/account/second-factor", "second_factor", EVERYBODY, Nothing, NewSecret, load_second_factor
)
PAGES: Final = (ACCOUNT, SECOND_FACTOR)
ACTIONS: Final = (
    Action("/account/password", "change_password", EVERYBODY, PasswordForm, change_password, ACCOUNT),
    Action(
        "/account/second-factor", "set_second_factor", EVERYBODY, SecondFactorForm, set_second_factor,
        SECOND_FACTOR,
    ),
    Action(
        "/account/second-factor/remove", "remove_second_factor", EVERYBODY, ProveForm, remove_second_factor,
        ACCOUNT,
    ),
    Action("/account/language", "choose_language", EVERYBODY, LanguageForm, choose_language, ACCOUNT),
)  # fmt: skip

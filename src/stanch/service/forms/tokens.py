"""What a form carries hidden: when it was made, which it is, and the question it asks if any."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

import msgspec
from msgspec import Struct

from stanch.guard.proof_of_work import Puzzle
from stanch.service.secrets import Secrets

#: A form stays open as long as a page of a phone's browser may lie in the background.
_VALID_US: Final = 24 * 3_600_000_000
_RECEIPT_CHARACTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32


class FormToken(Struct, frozen=True):
    """One form as it was handed out."""

    form: str
    made_us: int
    #: The same however often the form comes back with mistakes in it: it is stored once.
    nonce: bytes
    #: Whose sign-in it belongs to; empty for the public form.
    session: bytes = b""
    #: The two numbers whose sum is asked for; None: nothing is asked.
    question: tuple[int, int] | None = None

    def is_old(self, now_us: int) -> bool:
        """Whether it was handed out too long ago."""
        return not 0 <= now_us - self.made_us <= _VALID_US


def make_token(form: str, now_us: int, session: str = "") -> FormToken:
    """A fresh one."""
    return FormToken(form, now_us, secrets.token_bytes(12), name_session(session))


def name_session(session: str) -> bytes:
    """What a token holds of a session's secret."""
    return hashlib.sha256(session.encode()).digest()[:12] if session else b""


def ask(token: FormToken) -> FormToken:
    """The same form with a question in it."""
    numbers = (2 + secrets.randbelow(8), 2 + secrets.randbelow(8))
    return msgspec.structs.replace(token, question=numbers)


def is_answered(token: FormToken, given: str) -> bool:
    """Whether the question was answered; a form that asks nothing has no answer."""
    return token.question is not None and given.strip() == str(sum(token.question))


def make_puzzle(token: FormToken, part_bits: int) -> Puzzle:
    """What a browser may solve in place of the question: a puzzle of this form alone."""
    return Puzzle(token.made_us, hashlib.sha256(token.nonce).digest()[:16], part_bits)


def sign_token(secret: Secrets, token: FormToken) -> str:
    """The token as text."""
    return secret.sign("form", token)


def open_token(secret: Secrets, text: str, form: str, now_us: int, session: str = "") -> FormToken | None:
    """The token that `text` is; None if it is none of this form and sign-in, or too old."""
    token = secret.open("form", text, FormToken)
    if token is None or token.form != form or token.is_old(now_us):
        return None
    return token if hmac.compare_digest(token.session, name_session(session)) else None


def make_receipt(secret: Secrets, token: FormToken, letter: str) -> str:
    """The number of a report: the same for the same form, and the next cannot be guessed from it."""
    drawn = hmac.digest(secret.derive("receipt"), token.nonce, "sha256")
    digits = "".join(_RECEIPT_CHARACTERS[byte % 32] for byte in drawn[:10])
    return f"{letter}-{digits[:5]}-{digits[5:]}"

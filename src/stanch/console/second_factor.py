"""The second factor: one-time codes of an authenticator (RFC 6238, SHA-1, 6 digits, 30 seconds)."""

from __future__ import annotations

import base64
import io
import secrets
from typing import Final

import segno
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from markupsafe import Markup

from stanch.service.state import Service

_STEP_S: Final = 30
_ISSUER: Final = "Stanch"
_NONCE_BYTES: Final = 12


def make_secret() -> bytes:
    """160 random bits (RFC 4226, section 4, R6)."""
    return secrets.token_bytes(20)


def find_step(secret: bytes, code: str, now_us: int) -> int | None:
    """The time step whose code it is: this one, or one beside it for clocks that differ (RFC 6238, 5.2)."""
    digits = "".join(code.split())
    if not (digits.isascii() and digits.isdigit() and len(digits) == 6):
        return None
    now_step = now_us // 1_000_000 // _STEP_S
    for step in (now_step, now_step - 1, now_step + 1):
        try:
            _open(secret).verify(digits.encode(), step * _STEP_S)
        except InvalidToken:
            continue
        return step
    return None


def show_secret(secret: bytes) -> str:
    """As it is typed by hand, in groups of four."""
    text = base64.b32encode(secret).decode()
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def draw_secret(secret: bytes, name: str) -> Markup:
    """As a QR code: SVG to stand in a page."""
    uri = _open(secret).get_provisioning_uri(name, _ISSUER)
    out = io.BytesIO()
    segno.make(uri, error="m").save(
        out,
        kind="svg",
        xmldecl=False,
        svgns=True,
        scale=4,
        border=3,
        dark="#000",
        light="#fff",
        omitsize=True,
    )
    return Markup(out.getvalue().decode())  # noqa: S704  (drawn by segno out of digits and the name's modules)


def seal_secret(service: Service, secret: bytes) -> bytes:
    """As it is stored: of no use without the service's key."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(service.secrets.derive("totp")).encrypt(nonce, secret, None)


def open_secret(service: Service, sealed: bytes) -> bytes | None:
    """The secret again; None where the service has another key by now."""
    for key in service.secrets.derive_all("totp"):
        try:
            return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        except InvalidTag:
            continue
    return None


def _open(secret: bytes) -> TOTP:
    return TOTP(secret, 6, SHA1(), _STEP_S)  # noqa: S303  (what authenticators understand)

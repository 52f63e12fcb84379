"""Signed device cookies: a device that logged in well on an account is known to it from then on.

OWASP, "Slow Down Online Guessing Attacks with Device Cookies"
(https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies): failures from
devices that an account knows are counted apart from all others, so that nobody's failures elsewhere lock
out the owner. A token says nothing about people: account and device stand in it as a keyed hash and a
random number. One browser may hold tokens of several accounts.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
import struct
from typing import Final

#: Hash of the account, id of the device, second of issue; behind it the tag.
_BODY: Final = struct.Struct(">Q8sI")
_TAG_BYTES: Final = 16
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{48}")
_SEPARATOR: Final = "~"
#: Tokens of different accounts in one browser: a household's.
MAX_TOKENS: Final = 4
#: Half a year: customers of a shop come back seldom. Each good login issues a new one.
VALID_S: Final = 180 * 86_400
#: Clocks of several guards differ a little.
_SKEW_S: Final = 60


class DeviceCookies:
    """Issues and recognises tokens under `keys`: the first signs, each is accepted.

    To rotate, put a new key in front and drop the old one `VALID_S` later, or at once if it got out:
    customers whose token is no longer good are then met as on a new device, and locked out of nothing.
    """

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = keys

    def issue(self, account_hash: int, now_us: int) -> str:
        """A token for the device that just logged in well on the account; never the same twice."""
        body = _BODY.pack(account_hash, secrets.token_bytes(8), now_us // 1_000_000)
        return base64.urlsafe_b64encode(body + _sign(self._keys[0], body)).decode()

    def recognise(self, text: str, account_hash: int, now_us: int) -> str | None:
        """The device's id if one of the tokens in `text` is good for this account and moment."""
        for token in text.split(_SEPARATOR, MAX_TOKENS)[:MAX_TOKENS]:
            data = _decode(token)
            if data is None:
                continue
            body, tag = data[: _BODY.size], data[_BODY.size :]
            account, device, issued_s = _BODY.unpack(body)
            age_s = now_us // 1_000_000 - issued_s
            if account != account_hash or not -_SKEW_S <= age_s <= VALID_S:
                continue
            if any(hmac.compare_digest(tag, _sign(key, body)) for key in self._keys):
                return str(device.hex())
        return None


def is_token(text: str) -> bool:
    """Whether `text` has the shape of tokens, good ones or not: it is then no id of the shop's own."""
    return all(_TOKEN.fullmatch(token) for token in text.split(_SEPARATOR))


def _sign(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, "sha256")[:_TAG_BYTES]


def _decode(token: str) -> bytes | None:
    if not _TOKEN.fullmatch(token):
        return None
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):  # pragma: no cover - the expression lets nothing else through
        return None

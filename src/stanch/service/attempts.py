"""Attempts as they come in over HTTP, and the ids that they go out with.

An id holds, encrypted, all that the guard needs to know once the password was checked, so that nothing is
kept per attempt: it outlives restarts and is understood by every guard with the same service key.
"""

from __future__ import annotations

import base64
import binascii
import os
import struct
from datetime import UTC, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec
import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta, Struct

from stanch.evidence.addresses import canonical_address
from stanch.evidence.tables import TABLES
from stanch.evidence.times import parse_times
from stanch.guard.attempts import Attempt
from stanch.guard.guard import Context
from stanch.service.bodies import decode_json
from stanch.service.problems import ProblemError
from stanch.service.secrets import Secrets

#: How long the shop may take over a login, a second factor by mail included.
VALID_S: Final = 3_600
#: Clocks of several guards differ a little.
_SKEW_S: Final = 60
#: The same for the clocks of shops: a moment far ahead would age all that is counted.
_AHEAD_US: Final = 86_400_000_000
#: As in evidence: no log of a shop is older, so a clock or a unit is wrong.
_EARLIEST_US: Final = 631_152_000_000_000
#: Larger numbers of seconds are meant in finer units.
_LATEST_US: Final = 4_102_444_800_000_000
_DAY_S: Final = 86_400
_HEAD: Final = struct.Struct(">I")
_NONCE_BYTES: Final = 12
#: Longer texts are cut: nobody's account is longer, and what a stranger types is no reason to refuse.
_MAX_CHARACTERS: Final = 512
_MEANING: Final = {column.name: column.meaning for column in TABLES["logins"].columns}

#: As `stanch leaked build` and the shop compute it.
CredentialHash = Annotated[
    str,
    Meta(description="Keyed hash of the credential, for the list of leaked ones.", pattern="^[0-9a-f]{16}$"),
]


def _optional(name: str) -> object:
    return Annotated[str, Meta(description=_MEANING[name])] | None


class AttemptBody(Struct, frozen=True):
    """A row of `logins` without its outcome. Texts are cut; further members are ignored."""

    ip: Annotated[str, Meta(description=_MEANING["ip"], max_length=100)]
    account: Annotated[str | int, Meta(description=_MEANING["account"])] | None = None
    time: Annotated[str | float, Meta(description="RFC 3339 or Unix seconds; now if left out.")] | None = None
    user_agent: _optional("user_agent") = None  # type: ignore[valid-type]
    ja4: _optional("ja4") = None  # type: ignore[valid-type]
    device: (
        Annotated[
            str, Meta(description="The device token that an earlier good login got, or the shop's own id.")
        ]
        | None
    ) = None
    country: _optional("country") = None  # type: ignore[valid-type]
    asn: Annotated[str | int, Meta(description=_MEANING["asn"])] | None = None
    passed: Annotated[str, Meta(description="What a passed challenge earned (/challenge).")] | None = None
    credential_hash: CredentialHash | None = None


_DECODER: Final = msgspec.json.Decoder(AttemptBody)


def decode_attempt(body: bytes) -> AttemptBody:
    """What a body of /v1/logins/assess says.

    Raises:
        ProblemError: 400, it is no JSON, or a member of it is of the wrong type.
    """
    return decode_json(_DECODER, body, "bad_attempt")


def read_attempt(sent: AttemptBody, now_us: int, zone: str) -> Attempt:
    """The attempt that a body tells of; its device is as it was sent.

    Raises:
        ProblemError: 400, its address or its time is none.
    """
    ip = canonical_address(sent.ip.strip())
    if ip is None:
        raise ProblemError(400, "bad_attempt", "ip is no IP address.")
    return Attempt(
        time_us=now_us if sent.time is None else _read_time(sent.time, now_us, zone),
        ip=ip,
        account=_cut(str(sent.account)) or "" if sent.account is not None else "",
        user_agent=_cut(sent.user_agent),
        ja4=_cut(sent.ja4),
        device=sent.device or None,
        country=_cut(sent.country),
        asn=None if sent.asn is None else _cut(str(sent.asn)),
    )


def _cut(text: str | None) -> str | None:
    if text is None:
        return None
    return text.strip()[:_MAX_CHARACTERS] or None


def _read_time(given: str | float, now_us: int, zone: str) -> int:
    """Microseconds since 1970. What is usual is read at once, the rest as evidence reads it."""
    time_us = _read_usual(given, zone)
    if time_us is None:
        time_us = parse_times(pl.Series([given]), zone).us[0]
    if time_us is None:
        raise ProblemError(400, "bad_attempt", "time is neither RFC 3339 nor Unix seconds.")
    if not _EARLIEST_US <= time_us <= now_us + _AHEAD_US:
        raise ProblemError(400, "bad_attempt", "time lies more than a day ahead, or before 1990.")
    return time_us


def _read_usual(given: str | float, zone: str) -> int | None:
    if not isinstance(given, str):
        return round(given * 1e6) if _EARLIEST_US <= given * 1e6 <= _LATEST_US else None
    try:
        moment = datetime.fromisoformat(given.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC if zone == "UTC" else ZoneInfo(zone))
    return round(moment.timestamp() * 1e6)


class AttemptIds:
    """Makes ids and reads them: AES-GCM (NIST SP 800-38D) under a key of the day of issue.

    A key of its own for each day keeps the number of random nonces under one key far below 2^32 (8.3 there).
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._ciphers: dict[int, AESGCM] = {}
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Context)

    def make(self, context: Context, now_us: int) -> str:
        """The id of an attempt."""
        now_s = now_us // 1_000_000
        head, nonce = _HEAD.pack(now_s), os.urandom(_NONCE_BYTES)
        sealed = self._find_cipher(now_s).encrypt(nonce, self._encoder.encode(context), head)
        return base64.urlsafe_b64encode(head + nonce + sealed).rstrip(b"=").decode()

    def read(self, text: str, now_us: int) -> Context:
        """What `make` was given.

        Raises:
            ProblemError: 404, this service did not make it, or too long ago.
        """
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            (issued_s,) = _HEAD.unpack_from(data)
        except (binascii.Error, ValueError, struct.error):
            raise _unknown() from None
        nonce, sealed = data[_HEAD.size :][:_NONCE_BYTES], data[_HEAD.size + _NONCE_BYTES :]
        age_s = now_us // 1_000_000 - issued_s
        if not -_SKEW_S <= age_s <= 2 * _DAY_S:
            raise _unknown()
        try:
            context = self._decoder.decode(self._find_cipher(issued_s).decrypt(nonce, sealed, data[:4]))
        except (InvalidTag, ValueError, msgspec.DecodeError):
            raise _unknown() from None
        if age_s > VALID_S:
            raise ProblemError(404, "id_too_old", "This id is older than an hour: assess the login anew.")
        return context

    def _find_cipher(self, at_s: int) -> AESGCM:
        day = at_s // _DAY_S
        cipher = self._ciphers.get(day)
        if cipher is None:
            if len(self._ciphers) > 4:
                self._ciphers.clear()
            cipher = self._ciphers[day] = AESGCM(self._secrets.derive(f"attempt {day}"))
        return cipher


def _unknown() -> ProblemError:
    return ProblemError(404, "unknown_id", "No guard with this service key made this id.")

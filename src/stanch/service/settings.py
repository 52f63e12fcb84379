"""Settings of the service: where it listens and stores, how much it takes, what its forms say."""

from __future__ import annotations

import ipaddress
import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from stanch.guard.proof_of_work import ProofOfWorkSettings

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class FormSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The public form and the agents' form."""

    shop: Annotated[str, Meta(description="Name of the shop, as customers know it.", max_length=100)] = ""
    contact: Annotated[
        str, Meta(description="Whom to ask about personal data: an address or phone.", max_length=200)
    ] = ""
    notice_en: Annotated[
        str, Meta(description="Privacy notice in English, instead of the one with gaps to fill.")
    ] = ""
    notice_zh: Annotated[str, Meta(description="The same in Chinese.")] = ""
    currency: Annotated[
        str, Meta(description="Currency that the forms offer first (ISO 4217).", pattern="^[A-Z]{3}$")
    ] = "CNY"
    min_fill_s: Annotated[
        float, Meta(description="A form that comes back sooner is asked a question first.", ge=0, le=60)
    ] = 3.0
    ask_after: Annotated[
        int,
        Meta(description="Reports an hour from one address before each further is asked a question.", ge=1),
    ] = 10
    refuse_after: Annotated[
        int, Meta(description="Reports an hour from one address before further ones must wait.", ge=1)
    ] = 200


#: What is worth telling somebody at once.
Event = Literal["wave", "reset", "ban", "trouble"]


class NotifySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told what the guard does, beside the log: a webhook, and chats."""

    webhook: Annotated[
        str,
        Meta(
            description="Address that gets every event as JSON, signed with the secret in the environment"
            " variable `STANCH_WEBHOOK_SECRET` (Standard Webhooks).",
            pattern=r"^(https?://\S+)?$",
        ),
    ] = ""
    chats: Annotated[
        bool,
        Meta(
            description="Send events as messages to the Apprise addresses in the environment variable"
            " `STANCH_CHATS`, parted by blanks (needs `stanch[chat]`). They name no account."
        ),
    ] = False
    events: Annotated[
        tuple[Event, ...],
        Meta(
            description="wave: an attack begins or ends; reset: logins that have to be revoked; ban: new"
            " decisions; trouble: the guard cannot work as it should."
        ),
    ] = ("wave", "reset", "ban", "trouble")
    lang: Annotated[Literal["en", "zh"], Meta(description="Language of messages.")] = "en"


class LimitSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Requests a second of one key, by its scope; one second's worth may come at once."""

    shop: Annotated[int, Meta(description="Keys for shop.", ge=1)] = 50_000
    bouncer: Annotated[int, Meta(description="Keys for bouncer.", ge=1)] = 100
    ingest: Annotated[int, Meta(description="Keys for ingest.", ge=1)] = 2_000
    admin: Annotated[int, Meta(description="Keys for admin.", ge=1)] = 2_000


class ServiceSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`stanch serve`."""

    host: Annotated[
        str, Meta(description="Address to listen on; a public one needs a key first.", min_length=1)
    ] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port to listen on.", ge=1, le=65535)] = 8080
    data_dir: Annotated[
        str,
        Meta(
            description="Folder of the database and of the service's own key; empty: `stanch` in"
            " `$XDG_STATE_HOME`, or in `~/.local/state`."
        ),
    ] = ""
    public_url: Annotated[
        str,
        Meta(
            description="Address by which people reach the service, through a proxy that speaks TLS"
            " (`https://…`); empty: as they come.",
            pattern=r"^(https?://[^/\s]+)?$",
        ),
    ] = ""
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="Addresses or networks whose X-Forwarded-For is believed."),
    ] = ()
    zone: Annotated[str, Meta(description="Zone of times without an offset.")] = "UTC"
    max_body_mb: Annotated[
        int, Meta(description="Largest batch as it is sent; larger ones are refused.", ge=1, le=1024)
    ] = 16
    max_unpacked_mb: Annotated[
        int, Meta(description="Largest batch once unpacked; larger ones are refused.", ge=1, le=4096)
    ] = 128
    max_evidence_mb: Annotated[
        int,
        Meta(description="Files that the console takes for one incident, all together.", ge=1, le=1_048_576),
    ] = 4_096
    request_timeout_s: Annotated[
        float, Meta(description="Time for a request, its sending included.", gt=0, le=600)
    ] = 60.0
    max_connections: Annotated[
        int, Meta(description="Connections at once, idle ones included; further ones wait.", ge=1, le=65_536)
    ] = 4_096
    max_batches: Annotated[
        int, Meta(description="Batches read and checked at once; further ones wait.", ge=1, le=1_024)
    ] = 16
    allow_list: Annotated[
        str,
        Meta(
            description="File of addresses, networks and `account:NAME`, one a line, that the guard lets"
            " alone; while it cannot be read, nobody is banned. Empty: none."
        ),
    ] = ""
    log: Annotated[
        Literal["text", "json"],
        Meta(description="Form of the log on standard error: lines for people, or JSON."),
    ] = "text"
    log_requests: Annotated[
        bool, Meta(description="Log each request: route, status, time, key's id; no address, no account.")
    ] = False
    traces: Annotated[
        str,
        Meta(
            description="OTLP address that gets OpenTelemetry traces (`http://127.0.0.1:4318/v1/traces`;"
            " needs `stanch[traces]`); empty: none.",
            pattern=r"^(https?://\S+)?$",
        ),
    ] = ""
    decisions_kept_days: Annotated[
        int,
        Meta(description="Decisions and late resets are forgotten so long after their end.", ge=1, le=3650),
    ] = 30
    leaked: Annotated[
        str, Meta(description="List of leaked credentials, as `stanch leaked build` makes it; empty: none.")
    ] = ""
    forms: FormSettings = FormSettings()
    challenge: ProofOfWorkSettings = ProofOfWorkSettings()
    notify: NotifySettings = NotifySettings()
    limits: LimitSettings = LimitSettings()

    def __post_init__(self) -> None:
        """Check what types cannot say.

        Raises:
            ValueError: a zone or a network that is none; names the key.
        """
        try:
            ZoneInfo(self.zone)
        except (ValueError, OSError) as error:
            raise ValueError(f"zone: there is no zone {self.zone!r}") from error
        list_networks(self.trusted_proxies)

    @property
    def is_https(self) -> bool:
        """Whether people reach the service by TLS."""
        return self.public_url.startswith("https://")


@lru_cache(maxsize=16)
def list_networks(names: tuple[str, ...]) -> tuple[_Network, ...]:
    """The networks of `trusted_proxies`.

    Raises:
        ValueError: one of them is neither an address nor a network.
    """
    networks: list[_Network] = []
    for name in names:
        try:
            networks.append(ipaddress.ip_network(name))
        except ValueError as error:
            raise ValueError(f"trusted_proxies: {name!r} is neither an address nor a network") from error
    return tuple(networks)


def find_data_dir(settings: ServiceSettings) -> Path:
    """The folder of the service's data; it may be missing yet."""
    if settings.data_dir:
        return Path(settings.data_dir).expanduser()
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "stanch"

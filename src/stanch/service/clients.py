"""Where a request comes from, through proxies that are trusted and no others."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from stanch.evidence.addresses import canonical_address
from stanch.service.settings import ServiceSettings, list_networks

#: An IPv6 customer has a /64 at least (RFC 6177), so single addresses in it are one household.
_IPV6_BITS: Final = 64
_SAME_SITE: Final = ("same-origin", "none")


def find_network(request: Request, settings: ServiceSettings) -> str:
    """The address that a request comes from, IPv6 as its /64; empty if it cannot be told."""
    found = find_address(request, settings)
    return "" if found is None else name_network(found)


def find_address(request: Request, settings: ServiceSettings) -> str | None:
    """The address that a request comes from, in canonical text; None if it cannot be told.

    Proxies append to X-Forwarded-For, so the last entry that no trusted proxy wrote itself is the client.
    Where a trusted proxy sends none, its X-Real-IP is.
    """
    peer = canonical_address(request.client.host) if request.client else None
    if peer is None or not settings.trusted_proxies or not _is_among(peer, settings):
        return peer
    given = request.headers.get("x-forwarded-for")
    if given is None:
        given = request.headers.get("x-real-ip", "")
    last = peer
    for hop in reversed(given.split(",")):
        address = canonical_address(hop.strip())
        if address is None:
            break
        last = address
        if not _is_among(address, settings):
            break
    return last


def is_trusted(request: Request, settings: ServiceSettings) -> bool:
    """Whether the headers of a request were written by a proxy that is trusted."""
    peer = canonical_address(request.client.host) if request.client else None
    return peer is not None and _is_among(peer, settings)


def _is_among(text: str, settings: ServiceSettings) -> bool:
    address = ipaddress.ip_address(text)
    trusted = list_networks(settings.trusted_proxies)
    return any(address in network for network in trusted if network.version == address.version)


def is_same_site(request: Request, settings: ServiceSettings) -> bool:
    """Whether a form was sent from a page of ours, as far as the browser tells.

    Sec-Fetch-Site (Fetch Metadata, W3C) where there is one, else Origin (RFC 6454), else unknown: yes.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in _SAME_SITE
    origin = request.headers.get("origin")
    if origin is None:
        return True
    ours = urlsplit(settings.public_url).netloc or request.headers.get("host", "")
    return urlsplit(origin).netloc == ours


def name_network(ip: str) -> str:
    """An address as it is, an IPv6 one as its /64; what is no address as it is."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), _IPV6_BITS), strict=False))
    return str(address)

"""A link as written -> its parts, as a browser would take them (WHATWG URL Standard, section 4)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote

from publicsuffixlist import PublicSuffixList

from stanch.complaints.links import refang

_SCHEME: Final = re.compile(r"^([a-z][a-z0-9+.-]*):(?=[/\\])", re.IGNORECASE)
_LABEL: Final = re.compile(r"[^\s/?#@:\[\]%<>\"'\\^`{|}.]{1,63}")
_LONGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of one link; labels in lower case, punycode decoded, path percent-decoded."""

    #: What stands before an `@` in the host's place: a browser ignores it, a reader does not.
    userinfo: str
    host: str
    #: Labels left of the registered name, the outermost first.
    subdomains: tuple[str, ...]
    #: The label that somebody registered, or that a hosting service gave out.
    label: str
    suffix: str
    path: str
    query: str
    is_ip: bool
    #: Under a suffix of the list's private section: a hosting service, a dynamic name.
    is_hosted: bool
    is_punycode: bool

    @property
    def registered(self) -> str:
        """Label and suffix; empty where there is none."""
        return f"{self.label}.{self.suffix}" if self.label and self.suffix else ""


def parse_address(link: str) -> Address | None:
    """The parts of `link`, defanged or not, with or without a scheme; None if it names no host."""
    text = re.sub(r"[\t\r\n]", "", refang(link))[:_LONGEST]
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() not in ("http", "https", "ftp", "ws", "wss"):
        return None
    rest = text[scheme.end() :].lstrip("/\\") if scheme else text.removeprefix("//")
    authority, path, query = _split(rest)
    userinfo, _, hostport = authority.rpartition("@")
    host = _read_host(hostport)
    if not host:
        return None
    if _is_ip(host):
        return Address(unquote(userinfo).lower(), host, (), host, "", path, query, True, False, False)
    labels = [_decode_label(label) for label in host.split(".")]
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    n = _count_suffix(host)
    at = max(len(labels) - n - 1, 0)
    return Address(
        userinfo=unquote(userinfo).lower(),
        host=".".join(labels),
        subdomains=tuple(labels[:at]),
        label=labels[at] if n < len(labels) else "",
        suffix=".".join(labels[at + 1 :]) if n < len(labels) else host,
        path=path,
        query=query,
        is_ip=False,
        is_hosted=n != _count_suffix(host, icann=True),
        is_punycode="xn--" in host,
    )


def split_domain(domain: str) -> tuple[str, str]:
    """(label, suffix) of the registered name of `domain`, such as (`shop`, `co.uk`); empty if it has none."""
    found = parse_address(domain)
    return (found.label, found.suffix) if found and not found.is_ip else ("", "")


def _split(rest: str) -> tuple[str, str, str]:
    authority = re.split(r"[/\\?#]", rest, maxsplit=1)[0]
    path, _, query = rest[len(authority) :].partition("?")
    return authority, unquote(path.replace("\\", "/")), unquote(query)


def _read_host(hostport: str) -> str:
    """The host in lower case without port, brackets and last dot; numbers that mean an address as one."""
    if hostport.startswith("["):
        return hostport[1:].partition("]")[0].lower()
    host = unicodedata.normalize("NFKC", unquote(hostport).partition(":")[0]).casefold().strip().rstrip(".")
    if re.fullmatch(r"\d{8,10}|0x[0-9a-f]{8}", host):
        number = int(host, 0)
        return str(ip_address(number)) if number < 2**32 else ""
    return host


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _decode_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return unicodedata.normalize("NFKC", label[4:].encode("ascii").decode("punycode")).casefold()
    except (UnicodeError, ValueError, OverflowError):
        return label


def _count_suffix(host: str, *, icann: bool = False) -> int:
    """Number of labels of the public suffix (publicsuffix.org) that `host` ends in."""
    return (_lists(icann).publicsuffix(host) or host.rpartition(".")[2]).count(".") + 1


@cache
def _lists(icann: bool) -> PublicSuffixList:
    """The list that the library carries; nothing is fetched."""
    return PublicSuffixList(only_icann=icann)

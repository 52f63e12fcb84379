"""Links in free text, however they are written, and the spelling that nobody can click by mistake.

Found: addresses with a scheme, bare domains (`refund-shop.cn/tk`), with full-width signs (`ａｂｃ．ｃｏｍ`,
`abc。com`), defanged already (`hxxps://abc[.]com`), spelled (`abc dot com`, `abc点com`), and addresses by
number with a scheme or a path. Not found: e-mail addresses, file names, times, versions, decimals.
No link is ever opened or resolved.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from importlib import resources
from typing import Final

#: Longer links are cut; RFC 3986 sets no bound, browsers stop at about this.
MAX_LINK: Final = 2_048

_DOMAINS: Final = {
    name: frozenset(words.split())
    for name, words in tomllib.loads(
        resources.files("stanch.complaints").joinpath("links.toml").read_text("utf-8")
    ).items()
}
_TOP: Final = _DOMAINS["countries"] | _DOMAINS["generic"]
_WORDLIKE: Final = _DOMAINS["wordlike"]

_SIGNS: Final = {"。": ".", "．": ".", "｡": ".", "・": ".", "\u2024": ".", "點": "点"}
#: Full-width signs that are parts of a link; others, as the full-width comma, end one.
_PARTS: Final = "./:-_?=&#%~+"
#: Letters and digits of a host outside ASCII, but none of East Asia: these run into a bare name.
_LETTER: Final = r"0-9A-Za-z\u00c0-\u024f\u0370-\u052f"
_LABEL: Final = rf"(?:xn--[0-9a-z-]{{1,59}}|[{_LETTER}](?:[{_LETTER}_-]{{0,61}}[{_LETTER}])?)"
_DOT: Final = r"(?:\.|\s?[\[({<]\s?(?:\.|dot|点)\s?[\])}>]\s?)"
_SPELLED: Final = r"(?:\s+dot\s+|\s+\.\s+|\s?点\s?)"
_TAIL: Final = r"(?::\d{1,5})?(?:[/?#][!-~]*)?"
_COLON: Final = r"(?:\[?:\]?\s?//?|\[://\]|\\+/?/?)"
_SCHEME: Final = rf"(?:h(?:tt|xx|\*\*)ps?|https?\[s\]|ftp|fxp){_COLON}"

_HAN: Final = r"[\w-]{1,63}"
_WITH_SCHEME: Final = re.compile(
    rf"(?P<scheme>{_SCHEME})\s?(?P<host>{_LABEL}(?:{_DOT}{_LABEL}){{1,8}}"
    rf"|{_HAN}(?:{_DOT}{_HAN}){{0,4}}{_DOT}(?:[a-z]{{2,24}}|中国|公司|网络|网址))(?P<tail>{_TAIL})",
    re.IGNORECASE,
)
_BARE: Final = re.compile(
    rf"(?<![{_LETTER}@_.-])(?P<host>{_LABEL}(?:{_DOT}{_LABEL}){{1,8}})(?P<tail>{_TAIL})(?![@])", re.IGNORECASE
)
_SPOKEN: Final = re.compile(
    rf"(?<![{_LETTER}@_.-])(?P<host>{_LABEL}(?:(?:{_SPELLED}|{_DOT}){_LABEL}){{1,5}})(?P<tail>{_TAIL})(?![@])",
    re.IGNORECASE,
)
_NUMBERED: Final = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)")
_UNDEFANG: Final = re.compile(
    r"\s?[\[({<]\s?(?:\.|dot|点)\s?[\])}>]\s?|\s+dot\s+|\s+\.\s+|\s?点\s?", re.IGNORECASE
)
_TRAILING: Final = ".,;:!?'\"*_~|"
_PAIRS: Final = {")": "(", "]": "[", "}": "{", ">": "<"}


@dataclass(frozen=True, slots=True)
class Link:
    """One link: code points `start` to `end` of the text, and its address as it was meant (refanged)."""

    start: int
    end: int
    url: str

    @property
    def host(self) -> str:
        """Host name in lower case, without port."""
        return split_link(self.url)[1].partition(":")[0].lower()


def find_links(text: str) -> list[Link]:
    """Links of `text` in order, none within another. Time is linear in the length of `text`."""
    plain = _straighten(text)
    found: list[Link] = []
    taken = 0
    matches = [
        *_WITH_SCHEME.finditer(plain),
        *(m for m in _BARE.finditer(plain) if _is_domain(m)),
    ]
    if "点" in plain or " dot " in plain.lower() or " . " in plain:
        matches += [m for m in _SPOKEN.finditer(plain) if _is_domain(m, spoken=True)]
    for match in sorted(matches, key=lambda m: (m.start(), -m.end())):
        if match.start() >= taken:
            link = _make_link(match)
            found.append(link)
            taken = link.end
    return found


def defang(url: str) -> str:
    """`url` so that no program takes it for a link: `hxxps://refund[.]example/pay?id=1`.

    The usual convention of incident reports: `hxxp`, and every dot of the host in brackets. The path stays,
    except where it holds a further address. Defanging twice changes nothing.
    """
    scheme, host, tail = split_link(refang(url))
    spelled = re.sub(r"(?i)h(?:tt|xx)p", "hxxp", scheme)
    spelled = re.sub(r"(?i)^f(?:t|x)p", "fxp", spelled)
    inner = re.sub(r"(?i)http(s?)(:|%3a)", r"hxxp\1\2", tail)
    inner = re.sub(r"(?<=[0-9A-Za-z])\.(?=[A-Za-z]{2,}(?:[/?#&]|$))(?<!/\.)", _keep_files(inner), inner)
    return f"{spelled}{host.replace('.', '[.]')}{inner}"


def refang(text: str) -> str:
    """A defanged or spelled address as it was meant: `hxxps[:]//abc[.]com` is `https://abc.com`."""
    plain = _straighten(text).strip()
    plain = re.sub(rf"(?i)^(?:h(?:tt|xx|\*\*)p(s?)){_COLON}\s?", r"http\1://", plain)
    plain = re.sub(r"(?i)^(?:ftp|fxp)(?:\[?:\]?//|\[://\])", "ftp://", plain)
    plain = re.sub(r"(?i)hxxp(?=s?(?::|%3a))", "http", plain)
    return _UNDEFANG.sub(".", plain)


def split_link(url: str) -> tuple[str, str, str]:
    """Scheme with its slashes, host with its port, and the rest of a refanged `url`."""
    scheme, slashes, rest = url.partition("://")
    if not slashes or not scheme.isalpha():
        scheme, slashes, rest = "", "", url
    end = min((at for sign in "/?#" if (at := rest.find(sign)) >= 0), default=len(rest))
    return scheme + slashes, rest[:end], rest[end:]


def _keep_files(tail: str) -> str:
    """How dots of a path are written: as they are, unless the path holds a further address."""
    return "[.]" if "://" in tail or "%3a%2f%2f" in tail.lower() else "."


def _straighten(text: str) -> str:
    """`text` with full-width letters, digits and signs as ASCII, one code point for one."""
    if text.isascii():
        return text
    return "".join(map(_straighten_sign, text))


def _straighten_sign(sign: str) -> str:
    if sign < "\u2000":
        return sign
    if sign in _SIGNS:
        return _SIGNS[sign]
    plain = unicodedata.normalize("NFKC", sign)
    return plain if len(plain) == 1 and plain.isascii() and (plain.isalnum() or plain in _PARTS) else sign


def _is_domain(match: re.Match[str], *, spoken: bool = False) -> bool:
    host = _UNDEFANG.sub(".", match["host"]).lower()
    labels = host.split(".")
    top, rooted = labels[-1], "/" in match["tail"]
    if _NUMBERED.fullmatch(host):
        return rooted or bool(match["tail"].startswith(":"))
    if top not in _TOP and not top.startswith("xn--"):
        return False
    if labels[0] == "www" or rooted:
        return True
    name = labels[-2]
    if top in _WORDLIKE:  # "pay.it", "sent to me.so he"
        return not spoken and (len(labels) > 2 or not name.isalpha())
    if spoken and len(name) < 3 and top not in ("com", "cn", "net"):
        return False
    return any(not label.isdigit() for label in labels[:-1]) and host not in ("e.g", "i.e")


def _make_link(match: re.Match[str]) -> Link:
    end = match.end()
    raw = match[0]
    while raw and (raw[-1] in _TRAILING or _is_unpaired(raw)):
        raw = raw[:-1]
        end -= 1
    end = min(end, match.start() + MAX_LINK)
    return Link(match.start(), end, refang(raw[:MAX_LINK]))


def _is_unpaired(raw: str) -> bool:
    opening = _PAIRS.get(raw[-1])
    return opening is not None and raw.count(raw[-1]) > raw.count(opening)

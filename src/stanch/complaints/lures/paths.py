"""The brand in the path of a link whose host does not name it: a page on a hacked or rented site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from stanch.complaints.lures.brand import Brand, Form
from stanch.complaints.lures.fold import fold_letters, make_skeleton
from stanch.complaints.lures.words import is_lure_text

_TOKENS: Final = re.compile(r"[^\W_]+")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
#: A folder or a page, as most articles of honest sites are not.
_END: Final = re.compile(r"/$|/index\.\w+$|\.html?$")
#: Words of a title rather than of a page for victims.
_SLUG: Final = 4
#: Folders of web software where visitors have nothing to look for.
_SITE_FOLDERS: Final = re.compile(
    r"/(?:wp-(?:includes|admin|content/(?:plugins|themes))|\.well-known|cgi-bin\.?|~\w+|components|modules)/"
)
_SCRIPT: Final = re.compile(r"\.php\d?$")
_PAGE: Final = re.compile(r"\.(?:php\d?|html?|aspx?|jsp)$")
#: Long mixed names that a phishing kit makes for each victim.
_KIT_FOLDER: Final = re.compile(r"/(?=[a-z]*\d)(?=\d*[a-z])[a-z0-9]{20,}(?:/|$)")

_SHORTEST_PART: Final = 5
_TOKEN: Final = 2.0
_SHORT_TOKEN: Final = 1.2
#: Run together with another word, as folders of phishing kits are and titles of articles are not.
_JOINED_LURES: Final = 3.4
_JOINED: Final = 2.9
_WHOLE_SEGMENT: Final = 1.6
#: Nobody writes a name with digits for letters in earnest.
_DIGITS: Final = 1.5
_ONLY_SEGMENT: Final = 1.1
_REPEATED: Final = 1.0
_IN_SLUG: Final = -1.5
_SITE_FOLDER: Final = 1.2
_SCRIPT_PAGE: Final = 0.7
_FOLDER_OR_PAGE: Final = 0.6
_MADE_FOLDER: Final = 1.5
_DOMAIN_FIRST: Final = 4.2
_DOMAIN_FOLLOWED: Final = 3.8
#: Sites that tell of others end their paths so.
_DOMAIN_LAST: Final = 3.6


def weigh_path(path: str, brand: Brand) -> Iterator[tuple[str, str, float]]:
    """(code, what shows it, worth in nats) of each part of a decoded path that names the brand."""
    plain = fold_letters(path)
    segments = [segment for segment in plain.split("/") if segment]
    if not segments:
        return
    yield from _find_domains(plain, segments, brand)
    extra = _weigh_kind(plain)
    named = [(segment, worth) for segment in segments if (worth := _weigh_segment(segment, brand))]
    if len(segments) == 1:
        extra += _ONLY_SEGMENT
    if sum(worth > _TOKEN for _, worth in named) > 1:
        extra += _REPEATED
    for segment, worth in named:
        yield "brand_in_path", segment, max(worth + extra, 0.1)


def _find_domains(plain: str, segments: list[str], brand: Brand) -> Iterator[tuple[str, str, float]]:
    if "://" in plain:  # an address that is quoted, by archives and by links to share
        return
    for domain in brand.domains:
        at = re.search(rf"(?:^|[/_.-]){re.escape(domain)}(?=[^a-z0-9]|$)", plain)
        if at:
            is_first, is_last = domain in segments[0], not plain[at.end() :].strip("/")
            worth = _DOMAIN_FIRST if is_first else _DOMAIN_LAST if is_last else _DOMAIN_FOLLOWED
            yield "own_domain_in_path", domain, worth + (_FOLDER_OR_PAGE if _END.search(plain) else 0.0)


def _weigh_kind(plain: str) -> float:
    """What the path looks like, whatever it names."""
    page = _SCRIPT_PAGE if _SCRIPT.search(plain) else _FOLDER_OR_PAGE if _END.search(plain) else 0.0
    return (
        page
        + (_SITE_FOLDER if _SITE_FOLDERS.search(plain) else 0.0)
        + (_MADE_FOLDER if _KIT_FOLDER.search(plain) else 0.0)
    )


def _weigh_segment(segment: str, brand: Brand) -> float:
    """Worth of one segment; 0 if it does not name the brand."""
    bare = _PAGE.sub("", segment)
    forms = [form for form in brand.forms if len(form.name) >= (_SHORTEST_PART if form.is_part else 3)]
    worth = max((_weigh_form(bare, form) for form in forms), default=0.0)
    if not worth and any(sign.isdigit() for sign in bare):
        looks = make_skeleton(bare)
        worth = max((_weigh_form(looks, form) for form in forms if form.name == form.skeleton), default=0.0)
        worth += _DIGITS if worth else 0.0
    return worth


def _weigh_form(bare: str, form: Form) -> float:
    n = form.size
    if form.name not in bare:
        return 0.0
    worth = _TOKEN if n > 3 else _SHORT_TOKEN
    if bare == form.name:
        return worth + _WHOLE_SEGMENT
    tokens = _TOKENS.findall(bare)
    others = _LETTERS.findall(bare.replace(form.name, " "))
    has_lures = all(map(is_lure_text, others))
    if form.name in tokens or "-" in form.name:
        if " " in bare and has_lures:
            return _JOINED_LURES
        return worth + (_IN_SLUG if len(tokens) >= _SLUG else 0.0)
    if len(tokens) >= _SLUG or n <= 3 or ((n == 4 or form.is_part) and not has_lures):
        return 0.0
    return _JOINED_LURES if has_lures else _JOINED

"""Look-alikes as a STIX 2.1 bundle (OASIS Standard, 10 June 2021), for blocking and for sharing.

Links are in the bundle as they are, because programs match them. It holds links and names only: no phone
number, which may be spoofed and belong to an innocent, and nothing of the victims.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID, uuid5

from stanch.complaints.links import defang
from stanch.complaints.lures.brand import Brand
from stanch.complaints.lures.judge import Verdict
from stanch.complaints.lures.tell import tell_reasons
from stanch.complaints.wording import Lang

#: Section 2.9: identifiers of observables follow from their contents under this name space.
_OBSERVABLES: Final = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
#: The other objects must not use it, so these follow from a name space of Stanch's own.
_OWN: Final = UUID("5b1a3a52-5e0c-5d0b-9d53-3f8f2a6b7c11")
#: Signs that a URL may hold as they are (RFC 3986).
_URL_SIGNS: Final = ":/?#[]@!$&'()*+,;=%~"
#: Reasons by which the name itself is the lure, rather than a page on it.
_NAME_REASONS: Final = frozenset(
    {
        "own_domain_inside",
        "brand_in_subdomain",
        "brand_inside",
        "other_ending",
        "added_words",
        "homoglyphs",
        "digits_for_letters",
        "similar_letters",
        "misspelling",
    }
)


def is_name_lure(verdict: Verdict) -> bool:
    """Whether the host itself poses as the brand; if not, it may be a hacked site, and innocent."""
    return any(reason.code in _NAME_REASONS for reason in verdict.reasons)


def make_bundle(verdicts: Iterable[Verdict], brand: Brand, reported: date, lang: Lang = "en") -> bytes:
    """UTF-8 JSON of the look-alikes among `verdicts`, each link once, as seen on the day `reported`.

    The same links, brand and day give the same bytes.
    """
    moment = datetime(reported.year, reported.month, reported.day, tzinfo=UTC).strftime(
        "%Y-%m-%dT%H:%M:%S.000Z"
    )
    objects: dict[str, dict[str, Any]] = {}
    for verdict in verdicts:
        if verdict.lookalike:
            objects.update((made["id"], made) for made in _describe(verdict, brand, moment, lang))
    listed = list(objects.values())
    bundle = {
        "type": "bundle",
        "id": f"bundle--{uuid5(_OWN, json.dumps(listed, sort_keys=True))}",
        **({"objects": listed} if listed else {}),
    }
    return json.dumps(bundle, ensure_ascii=False, indent=2).encode() + b"\n"


def _describe(verdict: Verdict, brand: Brand, moment: str, lang: Lang) -> list[dict[str, Any]]:
    whole = quote(verdict.shared, safe=_URL_SIGNS)
    seen = [_observe("url", whole)]
    if is_name_lure(verdict):
        seen.append(_observe("domain-name", _to_ascii(verdict.host)))
    names = {"type": "indicator", "key": f"{whole}|{moment}"}
    indicator = _make(names, moment) | {
        "name": f"{brand.names[0]}: {defang(verdict.shared)[:200]}",
        "description": " ".join(tell_reasons(verdict, lang)),
        "indicator_types": ["malicious-activity"],
        "pattern": f"[url:value = '{_quote(whole)}']",
        "pattern_type": "stix",
        "valid_from": moment,
        "confidence": round(100 * verdict.score),
    }
    relations = [
        _make({"type": "relationship", "key": f"{indicator['id']}|{made['id']}"}, moment)
        | {"relationship_type": "related-to", "source_ref": indicator["id"], "target_ref": made["id"]}
        for made in seen
    ]
    return [indicator, *seen, *relations]


def _make(of: dict[str, str], moment: str) -> dict[str, Any]:
    return {
        "type": of["type"],
        "spec_version": "2.1",
        "id": f"{of['type']}--{uuid5(_OWN, of['key'])}",
        "created": moment,
        "modified": moment,
    }


def _observe(kind: str, value: str) -> dict[str, Any]:
    """An observable whose only identifying property is `value`, in canonical JSON (RFC 8785)."""
    canonical = json.dumps({"value": value}, ensure_ascii=False, separators=(",", ":"))
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": f"{kind}--{uuid5(_OBSERVABLES, canonical)}",
        "value": value,
    }


def _quote(text: str) -> str:
    """`text` within a string of a STIX pattern (section 9.2)."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _to_ascii(host: str) -> str:
    """`host` as it stands in the DNS."""
    return ".".join(
        label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
        for label in host.split(".")
    )

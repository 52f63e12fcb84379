"""Letters that ask to take look-alikes down; what only a person can know is marked as a gap."""

from __future__ import annotations

from collections.abc import Iterable

from stanch.complaints.links import defang
from stanch.complaints.lures.brand import Brand
from stanch.complaints.lures.judge import Verdict
from stanch.complaints.lures.stix import is_name_lure
from stanch.complaints.lures.tell import PACKAGE, tell_reasons
from stanch.complaints.wording import Lang, load_wording


def write_takedowns(verdicts: Iterable[Verdict], brand: Brand, lang: Lang) -> dict[str, str]:
    """Host -> letter about its look-alikes, in order of first mention. Nothing is sent."""
    by_host: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.lookalike:
            by_host.setdefault(verdict.host, []).append(verdict)
    return {host: _write(host, found, brand, lang) for host, found in by_host.items()}


def _write(host: str, verdicts: list[Verdict], brand: Brand, lang: Lang) -> str:
    texts = load_wording(PACKAGE, lang)
    kind = "name" if all(map(is_name_lure, verdicts)) else "page"
    filled = {
        "host": host.replace(".", "[.]"),
        "registered": (verdicts[0].registered or host).replace(".", "[.]"),
        "brand": brand.names[0],
        "domains": ("、" if lang == "zh" else ", ").join(brand.domains),
    }

    def say(key: str) -> str:
        return texts[f"takedown.{key}"].format(**filled)

    links = list(dict.fromkeys(defang(verdict.shared) for verdict in verdicts))
    reasons = list(dict.fromkeys(told for verdict in verdicts for told in tell_reasons(verdict, lang)))
    requests = (f"request_{kind}", "request_keep", "request_other")
    gaps = ("gap_reported", "gap_number", "gap_story", "gap_picture", "gap_police", "gap_mark")
    paragraphs = [
        [say(f"subject_{kind}")],
        [say("greeting")],
        [say(f"intro_{kind}")],
        [say("links"), *(f"- {link}" for link in links)],
        [say("reasons"), *(f"- {told}" for told in reasons)],
        [say("request"), *map(say, requests)],
        [say("evidence"), *map(say, gaps)],
        [say("sender")],
        [say("gap_sender"), say("gap_date")],
    ]
    return "\n\n".join("\n".join(lines) for lines in paragraphs) + "\n"

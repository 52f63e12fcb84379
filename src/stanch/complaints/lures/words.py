"""Words that go with a lure, and places where lures are put up."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

_LISTS: Final = {
    name: frozenset(words.split())
    for name, words in tomllib.loads(
        files("stanch.complaints.lures").joinpath("words.toml").read_text(encoding="utf-8")
    ).items()
}
CHEAP_ENDINGS: Final = _LISTS["cheap_endings"]
HOSTING: Final = _LISTS["hosting"]
SHORTENERS: Final = _LISTS["shorteners"]
TOPIC_SITES: Final = _LISTS["topic_sites"]

#: Words that ask for something secret, promise money, or lead to where that is done.
CREDENTIAL_WORDS: Final = re.compile(
    r"log-?[io]n|sign-?_?[io]n|verif|passw|webscr|confirm|secured?\b|accounts?\b|billing|unlock|suspend|refund|tuikuan"
    r"|\bcmd\b|identity|payment|compensat|kefu|peifu|peichang|lipei|tuihuo|denglu|客服|退款|理赔|赔付|登[录陆]"
)

#: Short words that begin or end a lure word: `jplogin`, `myid`.
_EDGES: Final = "(?:my|id|jp|cn|uk|us|hk|tw|kr|sg|co|ne)"
#: Short words that only count alone: within a word they are chance.
_ALONE: Final = frozenset({"de", "fr", "it", "es", "eu", "m", "e", "i", "ids"})
_WORD: Final = "(?:" + "|".join(sorted(_LISTS["lure_words"], key=lambda w: (-len(w), w))) + ")s?"
_TEXT: Final = re.compile(f"{_EDGES}?(?:{_WORD})+{_EDGES}?|{_EDGES}{{1,2}}")


@cache
def is_lure_text(text: str) -> bool:
    """Whether `text` is made of lure words and nothing else."""
    return text in _ALONE or _TEXT.fullmatch(text) is not None

"""The folder of a run -> why an attempt, an account, an address or a campaign is held for an attack."""

from __future__ import annotations

from stanch.explain.folder import Folder, open_folder
from stanch.explain.select import Selection, select_attempts
from stanch.explain.tell import encode_explanations, tell_explanation, tell_nothing
from stanch.explain.weigh import Explanation, explain

__all__ = [
    "Explanation",
    "Folder",
    "Selection",
    "encode_explanations",
    "explain",
    "open_folder",
    "select_attempts",
    "tell_explanation",
    "tell_nothing",
]

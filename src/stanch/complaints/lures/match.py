"""Where and how a link names the brand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from stanch.complaints.lures.brand import Brand, Form
from stanch.complaints.lures.fold import fold_letters, list_readings, make_skeleton
from stanch.complaints.lures.typos import find_near
from stanch.complaints.lures.words import is_lure_text

#: `exact`: nothing else in the label. `with_lures`: beside lure words or digits, set apart. `joined_lures`:
#: the same, run together. `with_others`: set apart, beside other words. `inside`: within a longer word.
#: `at_edge`: as `inside`, but the word begins or ends with a name that cannot be spoken.
Shape = Literal["exact", "with_lures", "joined_lures", "with_others", "at_edge", "inside"]
Spelling = Literal["plain", "homoglyphs", "digits_for_letters", "similar_letters", "misspelling"]

_CHUNKS: Final = re.compile(r"[^\W\d_]+")
#: A shorter name is only looked for as it is: `jd` looks like too much.
_SHORTEST_FOR_LOOKS: Final = 4
#: A misspelling within a longer word is no chance from this length on.
_SHORTEST_TYPO_INSIDE: Final = 8


@dataclass(frozen=True, slots=True)
class Match:
    """One place of a label that names the brand."""

    form: Form
    shape: Shape
    spelling: Spelling
    #: The label that it stands in.
    label: str


def find_matches(label: str, brand: Brand) -> Iterator[Match]:
    """Every way in which `label` (decoded, lower case) names the brand."""
    folded = fold_letters(label)
    for reading in list_readings(folded):
        skeleton = make_skeleton(reading)
        for form in brand.forms:
            for start, end, is_typo in _find_spans(skeleton, form):
                spelling = _tell_spelling(
                    reading[start:end], form, is_typo, folded == label, reading == folded
                )
                shape = _tell_shape(reading, start, end, form)
                if spelling and (spelling != "misspelling" or _is_plain_typo(shape, form)):
                    yield Match(form, shape, spelling, label)
    if "-" in folded and folded not in (names := {form.name: form for form in brand.forms}):
        form_without_dashes = names.get(folded.replace("-", ""))
        if form_without_dashes:
            yield Match(form_without_dashes, "exact", "similar_letters", label)


def _find_spans(skeleton: str, form: Form) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether it is a misspelling) of each place where `skeleton` reads as `form`."""
    n = len(form.skeleton)
    at = skeleton.find(form.skeleton)
    is_there = at >= 0
    while at >= 0:
        yield at, at + n, False
        at = skeleton.find(form.skeleton, at + 1)
    if form.typos:
        for length in (n - 1, n, n + 1):
            for start in range(len(skeleton) - length + 1):
                if skeleton[start : start + length] in form.typos:
                    yield start, start + length, True
    if form.takes_two_slips and not is_there and (near := find_near(form.skeleton, skeleton, 2)):
        yield *near, True


def _tell_spelling(
    text: str, form: Form, is_typo: bool, is_ascii: bool, is_as_written: bool
) -> Spelling | None:
    """How `text`, a part of a label, spells `form`; None if that is too little to go by."""
    n_digits = sum(sign.isdigit() for sign in text)
    if is_typo:
        return "misspelling" if n_digits <= 1 else None
    if text == form.name:
        return "homoglyphs" if not is_ascii else "plain" if is_as_written else "similar_letters"
    if len(form.name) < _SHORTEST_FOR_LOOKS or 2 * n_digits > len(text):
        return None
    return "digits_for_letters" if n_digits else "similar_letters"


def _tell_shape(label: str, start: int, end: int, form: Form) -> Shape:
    if start == 0 and end == len(label):
        return "exact"
    left, right = label[:start], label[end:]
    is_apart = not left[-1:].isalpha() and not right[:1].isalpha()
    chunks = _CHUNKS.findall(left) + _CHUNKS.findall(right)
    if all(map(is_lure_text, chunks)) and (chunks or form.size > _SHORTEST_FOR_LOOKS):
        return "with_lures" if is_apart else "joined_lures"
    if is_apart:
        return "with_others"
    is_edge = not left or not right or is_lure_text(left.rpartition("-")[2])
    return "at_edge" if form.is_unspeakable and is_edge else "inside"


def _is_plain_typo(shape: Shape, form: Form) -> bool:
    return shape not in ("at_edge", "inside") or form.size >= _SHORTEST_TYPO_INSIDE

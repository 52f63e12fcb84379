"""What somebody wrote themselves in a mail: without what they quoted, forwarded or sign with."""

from __future__ import annotations

import re
from typing import Final

#: `-----Original Message-----`, `---------- Forwarded message ---------`, 原始邮件, 转发邮件信息.
_DIVIDER: Final = re.compile(
    r"\s*[-_—*]{2,}\s*(?:begin\s+)?(?:original message|forwarded message|original|原始邮件|原邮件"
    r"|转发邮件信息|转发邮件|转发的邮件|邮件原件)\s*[-_—*]{2,}\s*",
    re.IGNORECASE,
)
#: A line that says who wrote and when, as mail programs put it; a victim's "he wrote:" has neither.
_WROTE: Final = re.compile(
    r"\s*(?:On\b(?=.*[\d@]).{4,300}\bwrote|在(?=.*(?:\d{4}|@)).{4,200}写道|.{0,80}\d{4}年\d{1,2}月\d{1,2}日.{0,120}写道"
    r"|.{0,100}[\w.+-]@[\w.-]+[>)]?.{0,40}\bwrote)\s*[:：]\s*",
    re.IGNORECASE | re.DOTALL,
)
_FIELD: Final = re.compile(
    r"\s*\*?(?:From|Sent|Date|To|Cc|Subject|发件人|发送时间|发送日期|日期|时间|收件人|抄送|主题)\*?\s*[:：]",
    re.IGNORECASE,
)
_FIRST_FIELD: Final = re.compile(r"\s*\*?(?:From|发件人)\*?\s*[:：]", re.IGNORECASE)
_LEAST_FIELDS: Final = 3
_LONGEST: Final = 400
_SIGNATURE: Final = re.compile(r"--\s?|_{5,}\s*")


def strip_quoted(text: str) -> tuple[str, bool]:
    """The sender's own words, and whether there were none, so that what they forwarded is given instead."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    own: list[str] = []
    position = 0
    while position < len(lines):
        length = _find_opening(lines, position)
        if length is None:
            if _SIGNATURE.fullmatch(lines[position]):
                break
            if not lines[position].startswith(">"):
                own.append(lines[position])
            position += 1
        elif _is_quoted(lines, position + length):
            position += length  # the quote itself goes line by line; an answer may stand below
        else:
            break
    if said := _close_up(own):
        return said, False
    bare = [line.lstrip("> ") for line in lines]
    kept = [line for line in bare if not (_DIVIDER.fullmatch(line) or _FIELD.match(line))]
    return _close_up(kept), bool(_close_up(kept))


def _find_opening(lines: list[str], position: int) -> int | None:
    """How many lines at `position` announce somebody else's words, None if they do not."""
    line, following = lines[position], "".join(lines[position + 1 : position + 2])
    if len(line) > _LONGEST:
        return None
    if _DIVIDER.fullmatch(line) or (_ends_in_colon(line) and _WROTE.fullmatch(line)):
        return 1
    is_pair = line.strip() and _ends_in_colon(following) and len(following) < _LONGEST
    if is_pair and _WROTE.fullmatch(f"{line} {following}"):
        return 2
    if _FIRST_FIELD.match(line):
        fields = sum(bool(_FIELD.match(other)) for other in lines[position : position + 6])
        return 1 if fields >= _LEAST_FIELDS else None
    return None


def _ends_in_colon(line: str) -> bool:
    return line.rstrip().endswith((":", "："))


def _is_quoted(lines: list[str], position: int) -> bool:
    following = next((line for line in lines[position : position + 4] if line.strip()), "")
    return following.startswith(">")


def _close_up(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip()

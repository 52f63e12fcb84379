"""What people write into a report and nobody may keep: card numbers, their codes, passwords.

PCI DSS 4.0, requirement 3.3: the code of a card is not stored at all; 3.5: its number is unreadable
wherever it is stored. Nothing of either helps to find a leak.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

REMOVED_CARD: Final = "[card number removed]"
REMOVED_CODE: Final = "[code removed]"

#: 13 to 19 digits (ISO/IEC 7812-1), with the blanks and hyphens that people put between them.
_LONG_NUMBER: Final = re.compile(r"(?<![0-9])[0-9](?:[  -]?[0-9]){12,18}(?![0-9])")
#: First digits that payment cards have (ISO/IEC 7812-1; Mastercard's second range, UnionPay, Mir, Troy).
_ISSUERS: Final = re.compile(r"3[0-9]|4|5[0-9]|6[0-9]|22[2-9]|2[3-6]|27[01]|2720|220|81|9[0-9]")
#: A word for a secret, then the secret itself within a few characters.
_CODE: Final = re.compile(
    r"""(?ix)
    ( (?<![a-z]) (?: cv[vc]2? | security\s+code | pin(?:\s+code)? | password | passcode | otp
      | (?:verification|one[- ]?time|sms)\s+(?:code|password) ) (?![a-z])
    | 安全码 | 验证码 | 校验码 | 动态码 | 密码 | 口令 )
    ( \s* (?: is | was | code | number | 是 | 为 | [:=：] )? \s* )
    ( [0-9]{3,8} (?![0-9]) | (?: (?<=[:=：是为]) | (?<=[:=：]\s) ) [!-+\-/-:<-~]{4,64} )
    """
)


def remove_card_numbers(text: str, keep: Iterable[str] = ()) -> str:
    """`text` without card numbers, their codes and passwords; order numbers in `keep` stay.

    A number is taken for a card's if it begins like one and its check digit is right (Luhn, ISO/IEC
    7812-1 annex B), which one in ten other numbers would be by chance.
    """
    kept = {_digits(name) for name in keep}

    def hide(match: re.Match[str]) -> str:
        digits = _digits(match[0])
        is_card = _ISSUERS.match(digits) and has_check_digit(digits) and digits not in kept
        return REMOVED_CARD if is_card else match[0]

    return _CODE.sub(rf"\1\2{REMOVED_CODE}", _LONG_NUMBER.sub(hide, text))


def has_check_digit(digits: str) -> bool:
    """Whether the last digit is right by Luhn's formula (ISO/IEC 7812-1, annex B)."""
    doubled = (sum(divmod(2 * int(d), 10)) for d in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)

"""Days and hours in a text, set against the day of the report: `4月27日上午11时`, `上周三`, `on the 3rd`,
`27/04`."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final

from stanch.complaints.reading.holidays import find_holidays
from stanch.complaints.reading.numbers import WORDS, parse_numeral
from stanch.complaints.reading.text import Text

_D: Final = r"(?:\d{1,2}|[一二三四五六七八九十廿]{1,3})"
_WEEKDAYS_ZH: Final = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6} | {
    str(n): n - 1 for n in range(1, 8)
}
_WEEKDAYS_EN: Final = {
    name: n // 1
    for n, names in enumerate(
        (
            "monday mon",
            "tuesday tues tue",
            "wednesday weds wed",
            "thursday thurs thur thu",
            "friday fri",
            "saturday sat",
            "sunday sun",
        )
    )
    for name in names.split()
}
_MONTHS: Final = {
    name: n
    for n, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_M: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_W: Final = "|".join(sorted(_WEEKDAYS_EN, key=len, reverse=True))
_COUNT: Final = {word: n for word, n in WORDS.items() if n <= 12} | {
    "a": 1,
    "an": 1,
    "couple of": 2,
    "a couple of": 2,
    "a few": 3,
    "few": 3,
    "couple": 2,
    "several": 4,
}
_N_EN: Final = (
    r"(?:\d{1,2}|a couple of|a few|few|couple of|an?|one|two|three|four|five|six|seven|eight"
    r"|nine|ten|several)"
)


@dataclass(frozen=True, slots=True)
class When:
    """A day at code points `start` to `end`, and the time of day where it is said."""

    start: int
    end: int
    day: date
    hour: time | None = None
    #: Days of the week and the like are less sure than dates.
    sure: float = 0.9
    #: Follows from another date of the text (`the next day`).
    relative: bool = False


_Make = Callable[["re.Match[str]", date], date | None]


def find_dates(text: Text, received: datetime) -> list[When]:
    """Days named in `text` in order, none within another; `received` is local to the complaint's zone."""
    rules = _RULES_ZH if text.language == "zh" else _RULES_EN
    today = received.date()
    candidates: list[When] = []
    for pattern, make, sure in rules:
        for match in pattern.finditer(text.plain):
            day = make(match, today)
            if day is not None and date(1990, 1, 1) <= day <= today + timedelta(days=1):
                candidates.append(When(match.start(), match.end(), day, sure=sure))
    candidates += [When(start, end, day) for start, end, day in find_holidays(text.plain, today)]
    found: list[When] = []
    for when in sorted(candidates, key=lambda w: (w.start, -w.end)):
        # `4月3日(周一)`: the weekday in brackets says nothing of another day.
        bracketed = found and text.plain[found[-1].end : when.start].strip() == "("
        if not found or (when.start >= found[-1].end and not bracketed):
            found.append(_add_hour(text, when, received))
    if text.language == "zh" and _POLICE.search(text.plain):
        found = _tie_today(text, found)
    found += list(_find_relative(text, found))
    return sorted(found, key=lambda w: w.start)


#: Reports of the police, in which today is the day that the report names.
_POLICE: Final = re.compile(r"报警称|报案称|我所|接警|报警人")


def _tie_today(text: Text, found: list[When]) -> list[When]:
    tied: list[When] = []
    for when in found:
        if tied and text.plain[when.start] in "今当" and not tied[-1].relative:
            tied.append(replace(when, day=tied[0].day))
        else:
            tied.append(when)
    return tied


# --- Chinese ------------------------------------------------------------------------------------


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    value = parse_numeral(text)
    return int(value) if value is not None else 0


def _make_day(year: int | None, month: int, day: int, today: date) -> date | None:
    """The day, of the last year in which it is not after `today` where no year is given."""
    if not 1 <= month <= 12:
        return None
    if year is not None:
        year += 2000 if year < 100 else 0
        return date(year, month, day) if 1 <= day <= monthrange(year, month)[1] else None
    for back in range(5):
        if 1 <= day <= monthrange(today.year - back, month)[1]:
            found = date(today.year - back, month, day)
            if found <= today + timedelta(days=1):
                return found
    return None


def _month_day(match: re.Match[str], today: date) -> date | None:
    groups = match.groupdict()
    year = groups.get("y")
    return _make_day(_year(year, today), _number(match["m"]), _number(match["d"]), today)


def _year(said: str | None, today: date) -> int | None:
    if not said:
        return None
    if said in ("今年", "本年"):
        return today.year
    if said in ("去年", "上年"):
        return today.year - 1
    digits = re.sub(r"\D", "", said)
    return int(digits) if digits else None


def _day_of_month(match: re.Match[str], today: date) -> date | None:
    month = match["month"] if "month" in match.re.groupindex else None
    day = _number(match["d"])
    back = 1 if month and month.startswith(("上", "last")) else 0
    first = today.replace(day=1)
    for _ in range(back):
        first = (first - timedelta(days=1)).replace(day=1)
    for _ in range(3):
        if 1 <= day <= monthrange(first.year, first.month)[1]:
            found = first.replace(day=day)
            if found <= today:
                return found
        if month:
            return None
        first = (first - timedelta(days=1)).replace(day=1)
    return None


def _back(days: int) -> _Make:
    return lambda match, today: today - timedelta(days=days)


def _ago_zh(match: re.Match[str], today: date) -> date | None:
    n = 2 if match["n"] == "两" else 15 if match["n"] == "半" and "月" in match["u"] else _number(match["n"])
    days = {"天": 1, "日": 1, "周": 7, "星期": 7, "礼拜": 7, "月": 30}[match["u"].lstrip("个")]
    if match["n"] == "半":
        return today - timedelta(days=15) if "月" in match["u"] else today
    return today - timedelta(days=n * days) if 0 < n <= 60 else None


def _weekday_zh(match: re.Match[str], today: date) -> date | None:
    weekday = _WEEKDAYS_ZH[match["w"]]
    weeks = (match["when"] or "").count("上")
    monday = today - timedelta(days=today.weekday() + 7 * weeks)
    found = monday + timedelta(days=weekday)
    if not weeks and found > today:
        found -= timedelta(days=7)
    return found


_RULES_ZH: Final[tuple[tuple[re.Pattern[str], _Make, float], ...]] = (
    (
        re.compile(rf"(?P<y>(?:19|20)?\d\d年|今年|去年|本年)的?\s?(?P<m>{_D})月\s?(?P<d>{_D})(?:日|号)?"),
        _month_day,
        0.95,
    ),
    (re.compile(rf"(?<![\d年])(?P<m>{_D})\s?月(?:份)?\s?(?P<d>{_D})\s?(?:日|号)"), _month_day, 0.95),
    (re.compile(rf"(?<![\d年])(?P<m>{_D})月(?P<d>\d{{1,2}})(?![\d个])"), _month_day, 0.9),
    (
        re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)\s?[-./]\s?(?P<m>\d{1,2})\s?[-./]\s?(?P<d>\d{1,2})(?!\d)"),
        _month_day,
        0.95,
    ),
    (re.compile(r"(?<![\d.¥$-])(?P<y>20[012]\d)(?P<m>0[1-9]|1[0-2])(?P<d>[0-3]\d)(?!\d)"), _month_day, 0.8),
    (
        re.compile(
            r"(?<![\d.¥$/:-])(?<!\d,)(?P<m>0?[1-9]|1[0-2])[./-](?P<d>[12]\d|3[01]|0?[1-9])(?![\d.,/:%-]"
            r"|\s?(?:元|万|块|折|倍|w|k|米|星|分|个|亿|千))"
        ),
        _month_day,
        0.7,
    ),
    (re.compile(rf"(?P<month>上个?月|本月|这个?月|当月)(?:的)?(?P<d>{_D})(?:日|号)"), _day_of_month, 0.9),
    (
        re.compile(
            r"(?<![\d月一二三四五六七八九十第、订单账线型座楼])(?P<d>\d{1,2}|[一二三四五六七八九十]{2,3}|廿[一二三四五六七八九]?)(?:日|号)(?!楼"
            r"|线|店|码|机|卡|仓|院|公寓|床|窗|柜|客服|房|栋|门|车|的?尺)"
        ),
        _day_of_month,
        0.75,
    ),
    (re.compile(r"大前[天日]"), _back(3), 0.95),
    (re.compile(r"前[天日晚]晚?(?!后)"), _back(2), 0.95),
    (re.compile(r"昨(?:(?:天|日|晚|夜|儿|个|早|午|下午|上午)+|(?=收|接|有|被|遇|来))"), _back(1), 0.95),
    (
        re.compile(
            r"(?:今(?:(?:天|日|早|晚|晨|儿|上午|下午|个|中午)+|(?=收|接|有|被|遇|来))|刚(?:才|刚|接|收|有|打|挂|来|被|又|加)?(?!好|买|需|开始"
            r"|毕|下|拍)|方才|\d{1,2}\s?(?:个?小时|分钟|个?钟头?)(?:之?前|以前)|[一两二三半几]个?(?:小时|钟头)(?:之?前|以前)|适才|才刚)"
        ),
        _back(0),
        0.9,
    ),
    (
        re.compile(
            r"(?P<n>\d{1,2}|[一二两三四五六七八九十半])\s?(?P<u>个?(?:天|日|周|星期|礼拜|月))(?:多)?(?:之?前|以前)"
        ),
        _ago_zh,
        0.85,
    ),
    (
        re.compile(
            r"(?P<when>上{1,2}个?|本|这个?|)(?:周|星期|礼拜)(?P<w>[一二三四五六日天1-6])(?!到|至|个|年)"
        ),
        _weekday_zh,
        0.85,
    ),
    (
        re.compile(r"(?P<when>上{1,2}个?)(?:周|星期|礼拜)(?P<w>末)"),
        lambda m, t: t - timedelta(days=t.weekday() + 2),
        0.5,
    ),
    (re.compile(r"周末"), lambda m, t: t - timedelta(days=(t.weekday() - 5) % 7), 0.5),
)

# --- English ------------------------------------------------------------------------------------


def _word_month_day(match: re.Match[str], today: date) -> date | None:
    return _make_day(_year(match["y"], today), _MONTHS[match["m"]], int(match["d"]), today)


def _figures(match: re.Match[str], today: date) -> date | None:
    """`27/04`, `03/17/2024`: day first, unless that is no day, or one still to come."""
    a, b = int(match["a"]), int(match["b"])
    year = _year(match["y"], today)
    first = _make_day(year, b, a, today)
    second = _make_day(year, a, b, today)
    if first and second and first != second:
        if first > today or (today - first).days > 120 > (today - second).days:
            return second
        return first
    return first or second


def _weekday_en(match: re.Match[str], today: date) -> date | None:
    weekday = _WEEKDAYS_EN[match["w"]]
    back = (today.weekday() - weekday) % 7
    said = match["when"] or ""
    if back == 0 and said.strip() not in ("this",):
        back = 7
    if "week" in match[0] or "before last" in match[0]:
        back = today.weekday() - weekday + 7 if "before last" not in match[0] else back + 7
    return today - timedelta(days=back)


def _ago_en(match: re.Match[str], today: date) -> date | None:
    n = int(match["n"]) if match["n"].isdigit() else _COUNT[match["n"]]
    unit = match["u"]
    if unit.startswith(("h", "min")):
        return today
    days = (
        1 if unit.startswith("day") else 7 if unit.startswith("w") else 14 if unit.startswith("fort") else 30
    )
    return today - timedelta(days=n * days) if n * days <= 400 else None


_RULES_EN: Final[tuple[tuple[re.Pattern[str], _Make, float], ...]] = (
    (re.compile(r"\b(?P<y>20\d\d)[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)"), _month_day, 0.95),
    (
        re.compile(
            rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of|-|/)? ?(?P<m>{_M})\b\.?(?:,? ?-?(?P<y>20\d\d"
            rf"|.\d\d(?!\d)))?"
        ),
        _word_month_day,
        0.95,
    ),
    (
        re.compile(
            rf"\b(?P<m>{_M})\.? ?(?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?![:%]|\.\d"
            rf"|,\d\d\d)(?:,? (?P<y>20\d\d))?"
        ),
        _word_month_day,
        0.95,
    ),
    (
        re.compile(r"(?<![\d/.£$€-])(?P<a>\d{1,2})[/.-](?P<b>\d{1,2})[/.-](?P<y>20\d\d|\d\d)(?![\d/-])"),
        _figures,
        0.9,
    ),
    (re.compile(r"(?<![\d/.,£$€+-])(?P<a>\d{1,2})/(?P<b>\d{1,2})(?P<y>)(?![\d/%-])"), _figures, 0.85),
    (
        re.compile(
            r"(?:on|on the|dated|date|since|fri|mon|tue|wed|thu|sat|sun"
            r"|day) (?P<a>[0-3]?\d)\.(?P<b>[01]?\d)(?P<y>)\.?(?![\d])"
        ),
        _figures,
        0.8,
    ),
    (re.compile(r"\bthe (?:day before yesterday)|day before yest\w*"), _back(2), 0.95),
    (re.compile(r"\b(?:yesterday|yest|yday|ystd|last night|last evening|yesterdy)\b"), _back(1), 0.95),
    (
        re.compile(
            r"\b(?:today|2day|tday|this (?:morning|afternoon|evening|am|pm|minute|lunchtime|very)"
            r"|tonight|earlier (?:on )?today|just (?:now|got|had|received|been|recd|gotten|called|rang"
            r"|spoke|off)|moments ago|right now|a moment ago|a short while ago|a little while ago"
            r"|a while ago today|(?:have|has|.ve|i)? ?just (?:had|got|received|been)|jus(?:t)? (?:called"
            r"|rang|phoned|txt|texted|had|got|rung|recvd|gettin|getting))\b"
        ),
        _back(0),
        0.9,
    ),
    (
        re.compile(
            rf"\b(?P<n>{_N_EN}) (?P<u>hours?|hrs?|mins?|minutes?|days?|weeks?|wks?|months?"
            rf"|fortnights?)(?: or so)? (?:ago|back|earlier|before now|prior)\b"
        ),
        _ago_en,
        0.85,
    ),
    (re.compile(r"\b(?P<n>half) an? (?P<u>hour) ago"), _back(0), 0.9),
    (
        re.compile(
            rf"\b(?P<when>last|this past|this|past|on|the previous|previous"
            rf"|)\s?(?:week )?(?P<w>{_W})\b(?: (?:last week|of last week|before last|last|week))?"
        ),
        _weekday_en,
        0.8,
    ),
    (
        re.compile(
            r"\b(?P<month>last month|this month)?(?:on )?the (?P<d>\d{1,2})(?:st|nd|rd|th)\b(?! (?:time"
            r"|floor|call|street|st\b|birthday|century|avenue|payment|person|attempt|order|one))"
        ),
        _day_of_month,
        0.8,
    ),
    (re.compile(r"\bon (?P<d>\d{1,2})(?:st|nd|rd|th)\b"), _day_of_month, 0.8),
    (re.compile(r"\b(?P<d>\d{1,2})(?:st|nd|rd|th) (?:inst|of this month|of the month)"), _day_of_month, 0.8),
    (re.compile(r"\blast week\b(?! (?:mon|tue|wed|thu|fri|sat|sun))"), _back(7), 0.3),
    (
        re.compile(r"\b(?:last|the|this|at the|over the|past|previous) weekend\b"),
        lambda m, t: t - timedelta(days=(t.weekday() - 5) % 7 or 7),
        0.4,
    ),
)

# --- hours and days that follow from others -----------------------------------------------------

_HOUR_ZH: Final = re.compile(
    rf"^[^\d一二三四五六七八九十]{{0,4}}?(?P<part>凌晨|早上|早晨|清晨|上午|中午|下午|午后|傍晚|晚上|晚间|夜里|深夜|晚|早|午间"
    rf"|半夜)?\s?(?:大概|大约|约|差不多)?\s?(?P<h>{_D})(?:\s?(?:点|时|:|：)(?:\s?(?P<m>[0-5]?\d|半|一刻"
    rf"|三刻)(?:分)?)?)"
)
_HOUR_EN: Final = re.compile(
    r"^[^.!?\d]{0,24}?\b(?P<h>\d{1,2})(?:[:.](?P<m>[0-5]\d))?\s?(?P<half>am|pm|a\.m|p\.m|hrs"
    r"|hours|o.?clock)?(?![\d/])(?P<night> at night| in the (?:evening|afternoon|morning))?"
)
_HOUR_BEFORE_EN: Final = re.compile(
    r"\b(?:at|about|around|approx)\s(?:about |around "
    r"|approx\.? )?(?P<h>\d{1,2})(?:[:.](?P<m>[0-5]\d))?\s?(?P<half>am|pm|a\.m\.?|p\.m\.?"
    r"|hrs)?(?P<night>)[\s,]*(?:on )?$"
)
_LATE: Final = ("下午", "午后", "傍晚", "晚上", "晚间", "夜里", "深夜", "晚")

_RELATIVE_ZH: Final = re.compile(
    r"(?P<n>第二天|次日|隔天|翌日|(?P<k>[两二三四五六七]|\d)(?:天|日)(?:之?后|以后)|过了?(?P<j>[两三四五二]|\d)天|隔日|转天)"
)
_RELATIVE_EN: Final = re.compile(
    r"\b(?:(?P<k>one|two|three|four|five|six|seven|a few|a couple of|\d) days? (?:later"
    r"|after(?:wards)?)|the (?:next|following) (?:day|morning|afternoon|evening)|"
    r"the day after(?! tomorrow)|next (?:day|morning)|a day later)\b"
)


def _find_relative(text: Text, found: list[When]) -> Iterator[When]:
    """`the next day`, `三天后`: counted from the date before it."""
    pattern = _RELATIVE_ZH if text.language == "zh" else _RELATIVE_EN
    for match in pattern.finditer(text.plain):
        if any(w.start < match.end() and match.start() < w.end for w in found):
            continue
        before = [w for w in found if w.end <= match.start()]
        if before:
            said = match["k"] or (match["j"] if text.language == "zh" else None)
            n = (
                1
                if said is None
                else int(said)
                if said.isdigit()
                else _COUNT.get(said) or _number(said.replace("两", "二"))
            )
            anchor = before[-1]
            yield When(match.start(), match.end(), anchor.day + timedelta(days=n), sure=0.6, relative=True)


def _add_hour(text: Text, when: When, received: datetime) -> When:
    plain = text.plain
    end = min(text.sentence_at(when.start)[1], when.end + 40)
    match = (_HOUR_ZH if text.language == "zh" else _HOUR_EN).match(plain[when.end : end])
    if match is None and text.language == "en":
        match = _HOUR_BEFORE_EN.search(plain[max(0, when.start - 24) : when.start])
    if match is None:
        return when
    hour = _number(match["h"])
    if text.language == "zh":
        said = match["m"] or "0"
        minute = {"半": 30, "一刻": 15, "三刻": 45}.get(said) if not said.isdigit() else int(said)
        part = match["part"] or (
            "晚" if "晚" in plain[when.start : when.end] or "夜" in plain[when.start : when.end] else ""
        )
        if (part in _LATE and hour < 12) or (part == "中午" and hour < 3):
            hour += 12
    else:
        if not match["half"] and not match["m"] and not match["night"]:
            return when
        minute = int(match["m"] or 0)
        half = (match["half"] or "").replace(".", "")
        if (half == "pm" or (match["night"] and "morning" not in match["night"])) and hour < 12:
            hour += 12
        if half == "am" and hour == 12:
            hour = 0
    if not (0 <= hour <= 24 and minute is not None):
        return when
    return replace(when, hour=time(hour % 24, minute), end=when.end)

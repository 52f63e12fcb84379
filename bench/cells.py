"""Measurements of several seeds -> one cell of a Markdown table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Final

#: From this many seeds on, a range leaves out the outermost 5 % on either side.
N_FOR_QUANTILES: Final = 20


def summarise(values: Iterable[float | None]) -> tuple[float, float, float] | None:
    """Median, low and high end of what there is; None of nothing."""
    numbers = sorted(value for value in values if value is not None and math.isfinite(value))
    if not numbers:
        return None
    if len(numbers) < N_FOR_QUANTILES:
        return statistics.median(numbers), numbers[0], numbers[-1]
    cuts = statistics.quantiles(numbers, n=20, method="inclusive")
    return statistics.median(numbers), cuts[0], cuts[-1]


def show_percent(values: Iterable[float | None]) -> str:
    """Shares as `99.2 [98–100]`, in per cent."""
    return _show(values, format_percent)


def show_number(values: Iterable[float | None], digits: int) -> str:
    """Numbers as `1.02 [0.90–1.31]`."""
    return _show(values, lambda value: f"{value:,.{digits}f}")


def format_percent(value: float) -> str:
    """A share in per cent, with more digits near nothing and near everything."""
    percent = 100 * value
    if percent in (0.0, 100.0):
        return f"{percent:.0f}"
    if percent < 0.095:
        return f"{percent:.1g}" if percent >= 0.0001 else "<0.0001"
    digits = 2 if percent > 99 else 1
    # What is not everything shall not look like it.
    return f"{math.floor(percent * 10**digits) / 10**digits:.{digits}f}" if percent > 99 else f"{percent:.1f}"


def _show(values: Iterable[float | None], form: Callable[[float], str]) -> str:
    found = summarise(values)
    if found is None:
        return "–"
    middle, low, high = (form(value) for value in found)
    return middle if low == high else f"{middle} [{low}–{high}]"


def make_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its first column to the left and the others to the right."""
    lines = [list(heads), ["---"] + ["---:"] * (len(heads) - 1), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


#: Two-sided 90 %: quantile of the normal distribution at 0.95.
_Z: Final = 1.6449


def find_interval(k: int, n: int) -> tuple[float, float]:
    """90 % interval of a share of which `k` in `n` were seen (Wilson 1927); all of it where n is 0."""
    if not n:
        return 0.0, 1.0
    share, spread = k / n, _Z * _Z / n
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def show_share(k: int, n: int) -> str:
    """`12 of 13, 92 % [72–98]`: a count, its share and 90 % interval in per cent."""
    if not n:
        return "–"
    low, high = (_round_percent(end) for end in find_interval(k, n))
    return f"{k} of {n}, {_round_percent(k / n)} % [{low}–{high}]"


def _round_percent(share: float) -> str:
    """Two digits, more near everything, none of them where it is nothing or everything."""
    percent = 100 * share
    if percent < 1e-6 or percent > 100 - 1e-6:
        return f"{percent:.0f}"
    if percent >= 99:
        return f"{percent:.2f}"
    return f"{percent:.0f}" if 9.95 <= percent < 90 else f"{percent:.1f}"

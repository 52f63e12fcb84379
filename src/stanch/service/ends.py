"""Whether shops tell how logins ended: the guard learns from nothing else, and would be blind unnoticed."""

from __future__ import annotations

from typing import Final

#: Fewer logins say nothing yet.
_LEAST: Final = 500.0
#: Of so many lately; older ones fade.
_MOST: Final = 2_000.0
#: Shops lose an end now and then, and some logins are given up half-way.
_LEAST_SHARE: Final = 0.1


class Ends:
    """Logins that were let pass lately, and how many ends were told."""

    def __init__(self) -> None:
        self._n_passed = self._n_told = 0.0

    def note_passed(self) -> None:
        """A login was let pass, so that the shop checks its password."""
        self._n_passed += 1
        if self._n_passed > _MOST:
            self._n_passed, self._n_told = self._n_passed / 2, self._n_told / 2

    def note_told(self) -> None:
        """The shop told how one ended."""
        self._n_told += 1

    @property
    def share(self) -> float | None:
        """Share of the logins whose end was told if that is too small to learn from, else None."""
        if self._n_passed < _LEAST or self._n_told >= _LEAST_SHARE * self._n_passed:
            return None
        return self._n_told / self._n_passed

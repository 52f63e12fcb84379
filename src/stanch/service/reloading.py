"""Settings, scorecard and leaked list read anew while the service runs: on SIGHUP, and when files change.

New ones that cannot be used change nothing: the former stay, the log and /readyz say so.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

import msgspec

from stanch.errors import StanchError
from stanch.service.opening import find_allow_list, find_scorecard, open_leaked
from stanch.service.settings import ServiceSettings
from stanch.service.state import Service
from stanch.settings import Settings, load_settings

LOG: Final = logging.getLogger("stanch.service")

#: What is fixed when the service starts.
FIXED: Final = (
    "host", "port", "data_dir", "public_url", "max_connections", "max_batches", "log", "traces",
)  # fmt: skip
FIXED_OF_GUARD: Final = ("customers", "recent", "counters_timeout_ms")

_Stamp = tuple[int, int, int] | None


class Reloader:
    """Watches the files of one service."""

    def __init__(self, service: Service, config: Path | None, settings: Settings) -> None:
        self._service = service
        self._config = config
        self._settings = settings
        self._stamps = self._seen = self._look()
        self.is_asked = False

    def ask(self) -> None:
        """Have everything read anew at the next look."""
        self.is_asked = True

    def check(self) -> None:
        """Read anew what has changed since the last look."""
        stamps = self._look()
        # A file that is being written is left alone until it has been the same for two looks.
        is_settled, self._seen = stamps == self._seen, stamps
        if self.is_asked or (is_settled and stamps != self._stamps):
            self.is_asked, self._stamps = False, stamps
            self._reload()
        if self._service.allow_list.refresh():
            self._service.decisions.refresh_allowed(self._service.now_us())
        service = self._service
        service.note_trouble(
            "allow_list", "" if service.allow_list.may_ban else service.tell_trouble("allow_list")
        )

    def _look(self) -> tuple[_Stamp, ...]:
        names = self._settings.guard.scorecard, self._settings.service.leaked
        return _stamp(self._config), *(_stamp(Path(name).expanduser() if name else None) for name in names)

    def _reload(self) -> None:
        service = self._service
        try:
            settings = load_settings(self._config)
            scorecard = find_scorecard(settings.guard)
        except StanchError as error:
            LOG.error("the settings cannot be used, the former stay: %s", error)
            service.metrics.guard.reloads.labels("refused").inc()
            service.note_trouble("settings", service.tell_trouble("settings"))
            return
        service.note_trouble("settings", "")
        self._open_leaked(settings.service)
        if settings == self._settings and scorecard == service.guard.scorecard:
            return
        for name in _list_fixed_changes(self._settings, settings):
            LOG.warning("%s is read at the start only: restart the service for it", name)
        kept = {name: getattr(service.settings, name) for name in FIXED}
        service.settings = msgspec.structs.replace(settings.service, **kept)
        service.limits.settings = settings.service.limits
        service.allow_list.follow(find_allow_list(settings.service))
        service.decisions.refresh_allowed(service.now_us())
        service.guard.use(scorecard, settings.guard)
        self._settings = settings
        self._stamps = self._seen = self._look()
        service.metrics.guard.reloads.labels("used").inc()
        LOG.warning("settings read anew")

    def _open_leaked(self, settings: ServiceSettings) -> None:
        """Take the list in the file as it is now; it may have been replaced under the same name."""
        service, before = self._service, self._service.leaked
        try:
            service.leaked = open_leaked(settings)
        except StanchError as error:
            LOG.error("the list of leaked credentials cannot be used, the former stays: %s", error)
            service.note_trouble("leaked", service.tell_trouble("leaked"))
            return
        service.note_trouble("leaked", "")
        if before is not None:
            before.close()


def _list_fixed_changes(old: Settings, new: Settings) -> list[str]:
    changed = [f"service.{n}" for n in FIXED if getattr(old.service, n) != getattr(new.service, n)]
    return changed + [f"guard.{n}" for n in FIXED_OF_GUARD if getattr(old.guard, n) != getattr(new.guard, n)]


def _stamp(path: Path | None) -> _Stamp:
    if path is None:
        return None
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino

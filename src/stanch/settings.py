"""The settings tree: one frozen value, read once from a TOML file, unknown keys refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from stanch.complaints.early.settings import EarlySettings
from stanch.engine import EngineSettings
from stanch.errors import SettingsError
from stanch.exposure.settings import ExposureSettings
from stanch.guard.settings import GuardSettings
from stanch.readers.settings import ReaderSettings
from stanch.service.settings import ServiceSettings
from stanch.stuffing.settings import StuffingSettings
from stanch.tracing.settings import TracingSettings


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that a settings file may say; each part belongs to the stage that uses it."""

    engine: EngineSettings = EngineSettings()
    readers: ReaderSettings = ReaderSettings()
    stuffing: StuffingSettings = StuffingSettings()
    exposure: ExposureSettings = ExposureSettings()
    tracing: TracingSettings = TracingSettings()
    early: EarlySettings = EarlySettings()
    guard: GuardSettings = GuardSettings()
    service: ServiceSettings = ServiceSettings()


DEFAULTS: Final = Settings()


def load_settings(path: Path | None) -> Settings:
    """The settings in the TOML file `path`, or the defaults for None.

    Raises:
        SettingsError: the file cannot be read, is not TOML, or holds an unknown key or a value
            that is out of range; the message names the key.
    """
    if path is None:
        return DEFAULTS
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Settings)
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", file=str(path)) from error
    except (msgspec.ValidationError, ValueError) as error:
        raise SettingsError(
            str(error), file=str(path), hint="docs/guide/settings.md lists every key with its range"
        ) from error


def list_settings(struct: type[Struct] = Settings, prefix: str = "") -> Iterator[tuple[str, str, Any, str]]:
    """Yield (key, range, default, description) of every setting, in order of definition."""
    hints = get_type_hints(struct, include_extras=True)
    defaults = struct()
    for name, hint in hints.items():
        if isinstance(hint, type) and issubclass(hint, Struct):
            yield from list_settings(hint, f"{prefix}{name}.")
            continue
        meta = next((a for a in get_args(hint)[1:] if isinstance(a, msgspec.Meta)), None)
        description = (meta.description if meta else None) or ""
        yield f"{prefix}{name}", _describe_range(hint, meta), getattr(defaults, name), description


def render_settings_page() -> str:
    """The Markdown page `docs/guide/settings.md`."""
    lines = [
        "# Settings",
        "",
        "A TOML file given with `--config`. Every key is optional; an unknown key is an error.",
        "This page is made from the code: `python3 dev.py docs`.",
        "",
        "| key | range | default | meaning |",
        "|---|---|---|---|",
    ]
    for key, allowed, default, description in list_settings():
        shown = msgspec.json.encode(default).decode().replace("|", "\\|")
        lines.append(f"| `{key}` | {allowed} | `{shown}` | {' '.join(description.split())} |")
    return "\n".join(lines) + "\n"


def _describe_range(hint: Any, meta: msgspec.Meta | None) -> str:
    base = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    parts = [getattr(base, "__name__", str(base)).replace("|", "or")]
    for sign, bound in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<")):
        value = getattr(meta, sign, None) if meta else None
        if value is not None:
            parts.append(f"{bound} {value:g}")
    return " ".join(parts)

"""The scorecard: what the batch model learnt, as a small file of log-odds per level."""

from __future__ import annotations

import math
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from stanch.errors import SettingsError
from stanch.guard.features import BLOCKS

#: Version of the features; a scorecard of another one is refused.
VERSION: Final = 1
DEFAULT: Final = "scorecard.json"


class Scorecard(Struct, frozen=True, forbid_unknown_fields=True):
    """Log-odds of attack in nats: `base` plus one addend per block, and what the end of the attempt adds."""

    version: int
    #: How it was made, in words.
    made: str
    base: float
    #: Per block of `BLOCKS` the addend of each level.
    addends: dict[str, tuple[float, ...]]
    #: What it adds that name and password are on the list of leaked credentials.
    leaked: float
    #: What a success adds, per habit of the account.
    success: tuple[float, ...]
    #: ... and a refusal.
    refused: tuple[float, ...]
    #: Probabilities, at least, of an attempt that is challenged or denied, and of a success that is reset.
    challenge: float
    deny: float
    reset: float
    #: Per block: share of each level among genuine attempts in calm hours, to see whether it fits.
    calm: dict[str, tuple[float, ...]]
    #: How far a shop's, or a week's, calm hours may be from these (total variation), per block.
    usual: dict[str, float]

    def __post_init__(self) -> None:
        """Check that it is for these features.

        Raises:
            ValueError: another version, or tables of another size.
        """
        if self.version != VERSION:
            raise ValueError(f"it is of version {self.version}, this guard reads version {VERSION}")
        for name, size in BLOCKS.items():
            if len(self.addends.get(name, ())) != size:
                raise ValueError(f"addends.{name}: {size} levels are needed")


def load_scorecard(path: Path | None) -> Scorecard:
    """The scorecard in a file, the one built in for None.

    Raises:
        SettingsError: it cannot be read or does not fit these features.
    """
    try:
        data = path.read_bytes() if path else files("stanch.guard").joinpath(DEFAULT).read_bytes()
        return msgspec.json.decode(data, type=Scorecard)
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", file=str(path)) from error
    except (msgspec.ValidationError, msgspec.DecodeError, ValueError) as error:
        raise SettingsError(
            str(error), file=str(path or DEFAULT), hint="make it anew with `stanch train`"
        ) from error


def probability(log_odds: float) -> float:
    """Logistic function."""
    if log_odds < -700:
        return 0.0
    return 1 / (1 + math.exp(-log_odds))

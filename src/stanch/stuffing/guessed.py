"""Successes that follow upon guessing: the guesser may go in by another address, with another client.

Two things can explain such a login: the guess was right, or the owner came from somewhere new just then.
How often owners do the log tells, so the shorter the time since the last guess, the less it was the owner.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from scipy.special import logit

from stanch.engine import Engine, load_step

_DAY_US: Final = 86_400_000_000
#: Chance that guessing opens an account at all, and the most that is said of a login for its time alone.
_RIGHT_GUESS: Final = 0.02
_MOST: Final = 0.5
#: No gap counts as shorter, in days.
_LEAST_GAP: Final = 1 / 72

#: Logins from where the account is not at home, accounts that were let in, and days.
_STRANGE: Final = """
SELECT
  sum(CASE WHEN habit IN (0, 1, 2, 3, 4, 5, 7, 8, 9) THEN 1 ELSE 0 END) AS strange,
  count(DISTINCT account_id) AS accounts,
  (max(time_us) - min(time_us)) / 86400000000.0 AS days
FROM attempts
WHERE outcome = 'success' AND campaign IS NULL
"""


def weigh_guessed(engine: Engine) -> None:
    """Make `stuffing_weighed`: `file_id`, `line`, `campaign`, `log_odds` of being the guesser's login."""
    engine.run(load_step("stanch.stuffing.sql", "stuffing_guessed", day_us=_DAY_US))
    guessed = engine.fetch("SELECT * FROM stuffing_guessed").sort("file_id", "line")
    engine.drop("stuffing_guessed")
    strange, accounts, days = engine.fetch(_STRANGE).row(0)
    per_day = ((strange or 0) + 1) / max(float((accounts or 0) * (days or 0)), 1.0)
    gap = np.maximum(guessed["gap_us"].to_numpy() / _DAY_US, _LEAST_GAP)
    odds = np.log(_RIGHT_GUESS / (per_day * gap))
    weighed = guessed.select("file_id", "line", "campaign").with_columns(
        log_odds=pl.Series(np.minimum(odds, logit(_MOST)), dtype=pl.Float64)
    )
    engine.put("stuffing_weighed", weighed)

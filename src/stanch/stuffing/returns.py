"""Intruders who come back to accounts that fell before, from elsewhere and without a failure.

Owners move and buy devices too, so each such login proves nothing. But if accounts that fell are
entered from new places with new devices far more often since then than other accounts are, most of
these logins are the intruders'. A device that first came when the account fell is another matter: it is the
intruder's, unless the owner took to the same client just then.
"""

from __future__ import annotations

from typing import Final

from scipy.special import logit

from stanch.engine import Engine, load_step

_SQL: Final = "stanch.stuffing.sql"
#: Only a clear excess is told: the least share of intruders among such logins, and the fewest logins.
_LEAST: Final = 0.8
_FEWEST: Final = 5
#: ... and no single login is held to be more likely an intruder's than that: its owner moves as well.
_MOST: Final = 0.3
#: ... or, where the intruder's own device comes again, than that.
_MOST_SAME: Final = 0.9


def find_returns(engine: Engine) -> None:
    """Make `stuffing_returns`: `file_id`, `line`, `log_odds` of being a return, campaign `id`."""
    for name in ("falls", "later", "moves"):
        engine.run(load_step(_SQL, f"stuffing_{name}"))
    moves, successes, since, moves_since = engine.fetch("SELECT * FROM stuffing_moves").row(0)
    expected = since * moves / max(successes, 1)
    share = (moves_since - expected) / (moves_since + 1)
    # Below all log-odds: nothing is a return.
    most = float(logit(_MOST)) if share >= _LEAST and moves_since >= _FEWEST else -1e3
    step = load_step(_SQL, "stuffing_returns", most=most, most_same=float(logit(_MOST_SAME)))
    engine.run(step)
    engine.drop("stuffing_falls", "stuffing_later", "stuffing_moves")

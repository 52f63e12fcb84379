"""Countries that attacks come from, as two letters (ISO 3166-1)."""

from __future__ import annotations

from typing import Final

import numpy as np

from stanch.simulation.draws import Generator, choose

_CODES: Final = """
US CN RU BR IN ID VN TH UA DE FR NL GB TR MX IR EG PK BD PH KR JP AR CO ZA NG PL IT ES RO CA TW SG HK MY
AU CL PE VE EC KE MA DZ TN SA AE IL IQ KZ UZ BG CZ HU GR SE PT BE AT CH NO DK FI IE SK HR RS LT LV EE BY
MD GE AM AZ LK NP MM KH LA MN GH CI SN CM UG TZ ET ZM ZW AO MZ DO GT HN SV NI CR PA CU JM TT BO PY UY PR
JO LB SY YE OM KW QA BH AF TJ KG TM AL MK BA ME SI LU MT CY IS LY SD SO DJ ER SS RW BI MW LS SZ BW NA MG
MU SC KM CV GM GN GW SL LR ML BF NE TD CF GA CG CD GQ ST BJ TG MR EH HT BS BB BZ GY SR GD LC VC AG DM KN
FJ PG SB VU NC PF WS TO KI FM MH PW NR TV TL BN MV BT MO GL
"""
#: Those that publications name most often come first. 195 of them: so many were seen in one published
#: hour of stuffing, in 5,204 networks.
COUNTRIES: Final = tuple(_CODES.split())


def draw_countries(rng: Generator, n: int) -> list[str]:
    """A country for each of `n` networks: few have many, most have some."""
    weights = np.arange(1, len(COUNTRIES) + 1, dtype=np.float64) ** -0.9
    return [COUNTRIES[i] for i in choose(rng, n, weights).tolist()]

"""The tables and lists that are files of their own and that the page sums up."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from stanch.engine import Engine
from stanch.reporting.addresses import AddressLists, list_addresses
from stanch.reporting.catalogue import Catalogue
from stanch.reporting.people import list_accounts, list_resets
from stanch.reporting.sources import list_sources
from stanch.reporting.warnings import list_warnings


@dataclass(frozen=True, slots=True)
class Lists:
    """One field per file, in the file's order."""

    accounts: pl.DataFrame
    resets: pl.DataFrame
    warnings: pl.DataFrame
    sources: pl.DataFrame
    addresses: AddressLists


def make_lists(engine: Engine, texts: Catalogue) -> Lists:
    """Make them all from what the stages left in the engine; empty where a stage did not run."""
    accounts = list_accounts(engine)
    return Lists(
        accounts=accounts,
        resets=list_resets(accounts),
        warnings=list_warnings(engine, accounts, texts),
        sources=list_sources(engine),
        addresses=list_addresses(engine),
    )

"""Lists of leaked credentials: compiled once, asked by keyed hashes, holding no password and no account."""

from stanch.guard.leaked.filter import LeakedFilter, parse_hash

__all__ = ["LeakedFilter", "parse_hash"]

"""Files of any of the known formats -> the engine's evidence tables, and what could not be read."""

from stanch.readers.read import read_evidence
from stanch.readers.request import EvidenceRead, ReadRequest

__all__ = ["EvidenceRead", "ReadRequest", "read_evidence"]

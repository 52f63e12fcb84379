"""Lets tests import what stands beside the benches, as the benches themselves do."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

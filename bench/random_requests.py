"""A thousand random requests to each route, well formed and not, made from the OpenAPI document.

`python3 dev.py bench random_requests`: the test that sends eight, with more; meant for the night. Each answer
must be one that the document describes, and none a server's error. `--only /v1/logins` takes the routes that
hold this.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--examples", type=int, default=1_000, help="requests a route and kind (at most 10,000)"
    )
    parser.add_argument("--only", default="", help="part of a route's path")
    given = parser.parse_args()
    test = "tests/service/test_openapi.py"
    chosen = f"whatever and {given.only}" if given.only else "whatever"
    command = [sys.executable, "-m", "pytest", "-q", "--durations", "5", test, "-k", chosen]
    environment = os.environ | {"STANCH_EXAMPLES": str(min(given.examples, 10_000))}
    root = Path(__file__).resolve().parents[1]
    sys.exit(subprocess.run(command, cwd=root, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()

"""`python -m stanch`."""

import sys

from stanch.cli import main

if __name__ == "__main__":
    sys.exit(main())

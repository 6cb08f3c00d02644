"""``python -m explainers``: the command line."""

import sys

from explainers.command_line import main

if __name__ == "__main__":
    sys.exit(main())

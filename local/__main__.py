"""`python -m local dev|demo|twins|clean`."""

import sys

if __name__ == "__main__":
    try:
        # Importing takes a while, in which a person may have second thoughts.
        from local.cli import main

        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

"""`python -m genspark.session`: fetch what Spark needs and make its start fast, once."""

import sys

from genspark.errors import SessionError
from genspark.session import archive, prepare


def main() -> int:
    """Fetch and record what Spark needs, and return the exit code."""
    try:
        path = prepare()
    except SessionError as error:
        archive.say(str(error))
        return error.exit_code
    if path is not None:
        archive.say(f"Spark is ready ({path})")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m genspark.cli`."""

import sys

from genspark.cli import main

sys.exit(main())

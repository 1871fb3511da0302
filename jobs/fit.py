"""spark-submit jobs/fit.py CONF [--set PLACE=VALUE ...] [--json]: `genspark fit` on the submitted session."""

import sys

from genspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["fit", *sys.argv[1:]]))

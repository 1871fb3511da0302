"""spark-submit jobs/preprocess.py CONF [--set PLACE=VALUE ...] [--json]: `genspark run` on the submitted session."""

import sys

from genspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))

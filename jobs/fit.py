"""spark-submit jobs/fit.py CONF [--set PLACE=VALUE ...] [--json]: `genspark fit` on the submitted session."""

import sys

from genspark.cli import task

if __name__ == "__main__":
    task(["fit", *sys.argv[1:]])

"""spark-submit jobs/preprocess.py CONF [--set PLACE=VALUE ...] [--json]: `genspark run` on the submitted session."""

import sys

from genspark.cli import task

if __name__ == "__main__":
    task(["run", *sys.argv[1:]])

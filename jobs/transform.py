"""spark-submit jobs/transform.py CONF [--model FILE] [--set PLACE=VALUE ...]: `genspark transform` as submitted."""

import sys

from genspark.cli import task

if __name__ == "__main__":
    task(["transform", *sys.argv[1:]])

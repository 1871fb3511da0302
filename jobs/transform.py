"""spark-submit jobs/transform.py CONF [--model FILE] [--set PLACE=VALUE ...]: `genspark transform` as submitted."""

import sys

from genspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["transform", *sys.argv[1:]]))

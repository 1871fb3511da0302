"""A program for the schedulers' environment: what becomes of submissions, which are given as JSON, as lines of JSON."""

import asyncio
import json
import sys

from genspark.airflow.submission import Submission

for given in json.loads(sys.argv[1]):
    sys.stdout.write(json.dumps(asyncio.run(Submission(**given).outcome())) + "\n")

# Two commands do everything on a machine with Python 3.11 and make: `make demo`, and with JDK 17 `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DOCS := .venv-docs
# Hundreds of processes start in the tests: without bytecode each would compile the package.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo docs faults storage test test-all lint types layers tests bench venv java clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 15

demo: venv  ## run the main job on handwritten digits and show what it did; ENGINE=spark on Spark
	@$(BIN)/genspark demo --out out --engine $(or $(ENGINE),auto)

test: lint types layers tests  ## lint, types, import layers and the tests that prove the most, in 20 minutes on 2 cores

test-all: PYTEST := --all
test-all: test  ## the same with every test: before a release, and after a change that touches Spark or all steps

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv
	$(BIN)/mypy

layers: venv
	$(BIN)/lint-imports --no-cache

# Four runs of pytest, two at a time: classic and Connect sessions cannot be in one process, what needs neither starts
# beside the longest, and runs that are killed, or that need stores, come last. Each run keeps its log, which is shown when it fails. A thread for each BLAS.
RUNS := classic.classic.tests.--ignore=tests/faults.--ignore=tests/storage none.none.tests connect.connect.tests faults.classic.tests/faults.tests/storage
tests: venv java
	@mkdir -p out; echo "pytest on a classic session, on none, on a Connect session, and faults and stores: out/tests-*.log"; \
	printf '%s\n' $(RUNS) | tr . ' ' | OMP_NUM_THREADS=1 xargs -P 2 -L 1 sh -c \
	  'log=out/tests-$$1.log session=$$2; shift 2; GENSPARK_TEST_SESSION=$$session $(BIN)/python -m pytest \
	    -p no:cacheprovider $(PYTEST) "$$@" > $$log 2>&1 || { cat $$log; exit 1; }' pytest; failed=$$?; \
	for run in classic none connect faults; do echo "$$run: $$(tail -n 1 out/tests-$$run.log)"; done; exit $$failed

faults: venv java  ## kill runs at N moments and hold what the next run leaves against what one leaves: N=200, SEED=7
	GENSPARK_FAULTS=$(or $(N),200) GENSPARK_FAULTS_SEED=$(SEED) $(BIN)/python -m pytest -p no:cacheprovider --all tests/faults

storage: venv java  ## every test of stores, on all four: engines, races (GENSPARK_RACES=10), faults; CONTRIBUTING.md gets two servers
	GENSPARK_TEST_SESSION=none $(BIN)/python -m pytest -p no:cacheprovider --all tests/storage
	GENSPARK_TEST_SESSION=classic $(BIN)/python -m pytest -p no:cacheprovider --all tests/storage

bench: venv java  ## measure against peers; SIZE=1m, 4m (if left out), 16m, 64m, wide or a number of rows
	$(BIN)/python benchmarks/preprocess.py --size $(or $(SIZE),4m) $(ARGS)

.PHONY: bench-growth bench-scans bench-storage bench-tables bench-text bench-imports bench-compression bench-evaluate bench-trust bench-duplicates
bench-scans: venv java  ## measure what statistics cost, beside Spark's summary and MLlib's fits
	$(BIN)/python benchmarks/scans.py $(ARGS)

bench-text: venv java  ## measure the job on csv and JSON lines, plain and compressed
	$(BIN)/python benchmarks/text.py $(ARGS)

bench-tables: venv java  ## measure identity, order, ledger and card beside the plain write, and adding a shard
	$(BIN)/python benchmarks/tables.py $(ARGS)

bench-compression: venv java  ## measure sizes and seconds of shards and tables by their compression
	$(BIN)/python benchmarks/compression.py $(ARGS)

bench-storage: venv java  ## measure the main job from S3Proxy beside the local disk, requests, and 10,000 small objects
	$(BIN)/python benchmarks/storage.py $(ARGS)

bench-evaluate: venv  ## measure what scores cost, beside programs of one process
	$(BIN)/python benchmarks/evaluate.py $(ARGS)

bench-trust: venv java  ## measure rules, the audit of groups and personal data in texts
	$(BIN)/python benchmarks/trust.py $(ARGS)

bench-duplicates: venv java  ## measure the removal of near duplicates; ARGS="--peer-python PYTHON" for datatrove
	$(BIN)/python benchmarks/duplicates.py $(ARGS)

bench-imports: venv  ## measure the start: import genspark, genspark --help
	$(BIN)/python benchmarks/imports.py $(ARGS)

bench-growth: venv java  ## measure against peers at 1m, 4m and 16m, and draw how they grow
	@failed=0; for size in 1m 4m 16m; do \
	  $(BIN)/python benchmarks/preprocess.py --size $$size --json out/benchmarks/growth-$$size.json $(ARGS) || failed=1; \
	done; \
	$(BIN)/python benchmarks/growth.py $(foreach size,1m 4m 16m,out/benchmarks/growth-$(size).json) && exit $$failed

venv: $(READY)  ## the virtual environment alone, in .venv

$(READY): setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "genspark needs Python 3.11 or newer, and '$(PYTHON)' is not: install python3.11, or make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/python || { echo "making the virtual environment in $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing what constraints.txt pins; the first time takes a few minutes"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# An environment of its own, in half a minute: what makes the site would weigh down .venv, and needs nothing of it.
docs: $(DOCS)/.ready  ## the site, with search, in out/site: it opens from its files
	@$(DOCS)/bin/python docs/make_site.py $(or $(SITE),out/site)

$(DOCS)/.ready: docs/requirements.txt
	@test -x $(DOCS)/bin/python || { echo "making the environment of the site in $(DOCS)"; $(PYTHON) -m venv $(DOCS); }
	@$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check -r docs/requirements.txt
	@touch $@

# Says which package to install where there is no JDK; else fetches Delta's jars, once.
java: venv
	@$(BIN)/python -m genspark.session

clean:  ## remove what was built and what the demo wrote
	rm -rf $(VENV) $(DOCS) out build dist *.egg-info

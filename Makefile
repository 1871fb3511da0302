# Two commands do everything on a machine with Python 3.11, make and JDK 17: `make demo` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test lint types layers tests bench venv java clean

help:  ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

demo: venv java  ## run the main job on handwritten digits and show what it did
	@$(BIN)/genspark demo --out out

test: lint types layers tests  ## lint, types, import layers and every test

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv
	$(BIN)/mypy

layers: venv
	$(BIN)/lint-imports --no-cache

tests: venv java
	$(BIN)/python -m pytest

bench: venv java  ## measure against MLlib and Polars; SIZE=rows, 4000000 when left out
	$(BIN)/python benchmarks/preprocess.py --rows $(or $(SIZE),4000000)

venv: $(READY)  ## the virtual environment alone, in .venv

$(READY): setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "genspark needs Python 3.11 or newer, and '$(PYTHON)' is not: install python3.11, or make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/python || { echo "making the virtual environment in $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing what constraints.txt pins; the first time takes a few minutes"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# Says which package to install where there is no JDK; else fetches Delta's jars, once.
java: venv
	@$(BIN)/python -m genspark.session

clean:  ## remove what was built and what the demo wrote
	rm -rf $(VENV) out build dist *.egg-info

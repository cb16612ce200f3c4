# Hone's tasks. They need python3 (3.11 or newer, with venv), git and make; every
# other tool is installed into ignored folders by the first target that wants it.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
WORKERS ?= 2

BIN := .venv/bin
ENVIRONMENT := .venv/.requirements.lock
TOOLS := .venv/.requirements-test.lock
PEERS := .venv/peers/.ready
CONSOLE := api/console/vendor/.ready
SOURCES := $(wildcard api core experiments surveys feedback workers migrations scripts benchmarks tests)

export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup run check test calibrate bench bench-assignment bench-analysis proof proof-verdicts lock schema clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(TOOLS) $(CONSOLE) ## install everything that the other targets use

.venv/.%: % pyproject.toml scripts/environment.sh
	@PYTHON=$(PYTHON) scripts/environment.sh $*

$(CONSOLE): api/console/package-lock.json scripts/console.sh | $(ENVIRONMENT)
	@scripts/console.sh

run: export HONE_HOST := $(HOST)
run: export HONE_PORT := $(PORT)
run: $(ENVIRONMENT) $(CONSOLE) ## start Hone with its demo data on http://127.0.0.1:8000 (PORT=...)
	@scripts/run.sh

check: setup ## format, lint, types, import contracts, tests on SQLite + DuckDB
	@echo "== format and lint"
	@ruff format --check --quiet .
	@ruff check --quiet .
	@echo "== types"
	@mypy $(SOURCES)
	@echo "== import contracts"
	@lint-imports --no-logo
	@echo "== schema drift"
	@hone schema --check
	@echo "== tests on SQLite + DuckDB"
	@pytest -q -n $(WORKERS) -m "not browser and not slow"

test: check ## everything: check, then PostgreSQL + Redis, then a real browser
	@echo "== tests marked stores on PostgreSQL + Redis"
	@python scripts/stores.py pytest -q -n $(WORKERS) -m "stores and not slow"
	@echo "== tests in a browser"
	@pytest -q -m "browser and not slow"

bench: setup ## measure speed; the README's figures come from here
	@for path in benchmarks/[a-z]*.py; do \
	  module=$$(basename $$path .py); \
	  echo "== $$module"; python -m benchmarks.$$module || exit 1; \
	done

bench-assignment: setup ## assignment over HTTP, beside Unleash (needs wrk)
	@python -m benchmarks.assignment

$(PEERS): benchmarks/analysis/requirements.txt | $(ENVIRONMENT)
	@python -m venv .venv/peers
	@.venv/peers/bin/pip install --quiet --requirement $<
	@touch $@

bench-analysis: setup $(PEERS) ## statistics beside scipy, statsmodels, gbstats, tea-tasting
	@PYTHONPATH=. .venv/peers/bin/python -m benchmarks.analysis.speed
	@PYTHONPATH=. .venv/peers/bin/python -m benchmarks.analysis.differential $(ARGS)

calibrate: setup ## simulate every promise of the statistics (docs/statistics.md)
	@python -m benchmarks.calibration $(ARGS)

proof: setup ## the long proofs: kills, restarts, races, 100 M events stored
	@pytest -q -m slow
	@python scripts/stores.py pytest -q -m slow
	@python -m benchmarks.calibration --times 10
	@python -m benchmarks.refresh --stored 1000000 10000000 100000000 --plan

proof-verdicts: setup ## 2,000 simulated experiments through the service (docs/verdicts.md)
	@python -m benchmarks.verdicts

lock: ## resolve requirements.lock anew, for every platform
	@scripts/lock.sh

schema: $(ENVIRONMENT) ## write schema.graphql from the code
	@hone schema --write

clean: ## remove what was installed or built here; the data in .hone stays
	@rm -rf .venv api/console/node_modules api/console/vendor
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

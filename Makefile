# The whole interface of the project; `make` alone lists it. CI runs the same targets.
#
# A fresh machine needs CPython 3.11 or newer, git, make and a C compiler. `make demo` and
# `make test` each build what they need; after the first time they work without a network.

PYTHON ?= python3
SEEDS ?= 400
DAYS ?= 30
KILLS ?= 200
WORKERS ?= auto
UV_VERSION := 0.13.9

ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
LOCK_BIN := .lock-venv/Scripts
CALENDARS_BIN := .calendars-venv/Scripts
else
BIN := .venv/bin
LOCK_BIN := .lock-venv/bin
CALENDARS_BIN := .calendars-venv/bin
endif

PIP_QUIET := --quiet --disable-pip-version-check --no-input
STAMP := .venv/.installed
SUITES := $(wildcard tests/simulation tests/e2e tests/conformance tests/faults tests/property tests/unit tests/tidy)
QUICK_SUITES := $(wildcard tests/tidy tests/unit)
SOURCES := $(wildcard src tests benchmarks tools docs examples)
TYPED := src $(wildcard tests benchmarks tools docs/*.py examples/*.py examples/*/*.py)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test check lint types sim soak kills mutants bench docs calendars lock format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## create .venv with the locked packages and RegimeFlow itself

$(STAMP): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "RegimeFlow needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Install one and run: make setup PYTHON=python3.12")'
	@echo "Setting up .venv: locked packages, then RegimeFlow (once, about a minute) ..."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv || \
	  { echo "$(PYTHON) cannot create a virtual environment; on Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install $(PIP_QUIET) --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m pip install $(PIP_QUIET) --no-deps --no-build-isolation -e .
	@$(BIN)/python -c 'import pathlib; pathlib.Path("$(STAMP)").touch()'

demo: $(STAMP) ## the main job: a backtest, the same strategy live on recorded data, and under faults
	@$(BIN)/regimeflow backtest --config examples/demo.yaml --output-dir out
	@$(BIN)/regimeflow_live --config examples/demo.yaml
	@$(BIN)/regimeflow rehearse --config examples/demo.yaml --scenario lost-order

test: $(STAMP) ## every test that finishes in minutes
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "not slow" $(SUITES)

check: lint types ## before a commit: format, lint, types, tidy and unit tests
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "not slow" $(QUICK_SUITES)

lint: $(STAMP)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)

types: $(STAMP)
	@$(BIN)/mypy $(TYPED)

sim: $(STAMP) ## the fault simulation over many seeds: make sim SEEDS=5000
	@REGIMEFLOW_SIM_SEEDS=$(SEEDS) $(BIN)/python -m pytest -q tests/simulation

soak: $(STAMP) ## the live engine for many virtual days, and what it holds: make soak DAYS=30
	@REGIMEFLOW_SOAK_DAYS=$(DAYS) $(BIN)/python -m pytest -q -m slow tests/faults/test_soak.py

kills: $(STAMP) ## kill -9 a real engine again and again, and compare its books: make kills KILLS=200
	@REGIMEFLOW_KILLS=$(KILLS) $(BIN)/python -m pytest -q -s -m slow tests/e2e/test_killed_engine.py

mutants: $(STAMP) ## plant known bugs one by one; each has to be killed by its tests
	@$(BIN)/python -m tests.faults.run_mutants

bench: $(STAMP) ## the benchmarks behind every speed claim
	@$(BIN)/python -m benchmarks

docs: $(STAMP) ## regenerate the pages and diagrams that come from the code
	@$(BIN)/python -m docs.generate

calendars: ## rebuild the session table (an environment of its own; brings pandas)
	@test -d .calendars-venv || $(PYTHON) -m venv .calendars-venv
	@$(CALENDARS_BIN)/python -m pip install $(PIP_QUIET) --require-hashes -r requirements-calendars.txt
	@PYTHONPATH=src $(CALENDARS_BIN)/python tools/make_calendars.py

COMPILE := $(LOCK_BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --quiet --custom-compile-command "make lock"

# Keeps the versions that still fit; LOCK_ARGS=--upgrade takes the newest.
lock: ## resolve pyproject.toml into the requirements files, for all systems
	@test -d .lock-venv || $(PYTHON) -m venv .lock-venv
	@$(LOCK_BIN)/python -m pip install $(PIP_QUIET) uv==$(UV_VERSION)
	@$(COMPILE) -o requirements.txt $(LOCK_ARGS)
	@$(COMPILE) --extra dev --constraint requirements.txt -o requirements-dev.txt $(LOCK_ARGS)
	@$(COMPILE) --extra calendars -o requirements-calendars.txt $(LOCK_ARGS)

format: $(STAMP) ## rewrite the code in the house format and apply safe fixes
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

clean: ## remove environments, caches and what runs wrote
	@$(PYTHON) -c 'import pathlib, shutil; [shutil.rmtree(p, ignore_errors=True) for n in (".venv", ".lock-venv", ".calendars-venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".benchmarks", "build", "dist", "out", "logs") for p in [pathlib.Path(n)]]'

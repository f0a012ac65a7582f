# make serve is all that running needs; make setup, test, check, e2e and bench are for working on Polyreel.
# PYTHON=/path/to/python3.12 chooses the interpreter; otherwise the first one that fits is taken.
# DB=postgresql: test, e2e and bench start a PostgreSQL of their own and use it instead of SQLite.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --require-hashes --no-compile
# All that is installed is compiled once, by all cores; some of it is meant for other Pythons and is none for this one.
COMPILE := $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib src || true
# And so are the tests, whatever the image of a CI says.
export PYTHONDONTWRITEBYTECODE :=
FITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))

DB := sqlite
TIERS := tests/arch tests/unit tests/contract tests/integration
# Looking into all the others takes each process that runs tests half a minute.
SLOW = $(filter-out tests/e2e/% tests/fault/%,$(shell grep -rl 'mark\.slow' tests --include='test_*.py'))
ifeq ($(DB),postgresql)
NEEDS_DATABASE := .ci/need postgresql
ON_DATABASE := POLYREEL_TEST_DATABASE=postgresql
else ifneq ($(DB),sqlite)
$(error DB is sqlite or postgresql)
else
NEEDS_DATABASE := :
ON_DATABASE :=
endif

# What takes longest first (tests/spread.py), over all processors; many of the tests that `make test` runs wait.
SPREAD := $(BIN)/python -m pytest -q --dist loadscope --no-loadscope-reorder
ONE_MORE = $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.DEFAULT_GOAL := help
.PHONY: help setup serve test check audit e2e fuzz bench lock clean

help:
	@echo "make serve   install what running needs and start a server on http://127.0.0.1:8080, data in ./data"
	@echo "make setup   install everything for working on the code into $(VENV)"
	@echo "make test    rules of the house, unit, contract and integration tests; DB=postgresql: on PostgreSQL"
	@echo "make check   format, lint, types, import floors, known vulnerabilities"
	@echo "make e2e     a real server, a real browser, killed processes, and every slow test"
	@echo "make fuzz    many requests to every operation of the API document; EXAMPLES=100 for each"
	@echo "make bench   timings and ratios"
	@echo "make lock    choose versions anew within the ranges of pyproject.toml"
	@echo "make clean   remove $(VENV) and caches; data stays"

$(VENV)/.runtime: requirements.lock requirements-build.lock pyproject.toml
	@for python in $(PYTHON) $(if $(PYTHON),,python3 python3.14 python3.13 python3.12 python3.11); do \
	  if "$$python" -c '$(FITS)' 2>/dev/null; then found="$$python"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Polyreel needs Python 3.11 to 3.14 with its venv module$(if $(PYTHON),; $(PYTHON) is not that)." >&2; \
	  echo "On Debian or Ubuntu: apt-get install python3 python3-venv. Elsewhere: make PYTHON=/path/to/python3.12" >&2; \
	  exit 1; \
	fi; \
	echo "Installing Polyreel's dependencies into $(VENV) ($$("$$found" --version)) ..."; \
	"$$found" -m venv $(VENV)
	@$(INSTALL) -r requirements-build.lock -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(COMPILE)
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@echo "Installing the tools of development ..."
	@$(INSTALL) -r requirements-dev.lock
	@$(COMPILE)
	@touch $@

setup: $(VENV)/.dev

serve: $(VENV)/.runtime
	@exec $(BIN)/polyreel serve --data-dir ./data

test: setup
	@$(NEEDS_DATABASE)
	$(ON_DATABASE) $(SPREAD) -n $(ONE_MORE) $(wildcard $(TIERS))

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python .ci/audit.py

e2e: setup
	.ci/need chromium
	@$(NEEDS_DATABASE)
	$(ON_DATABASE) $(SPREAD) -n auto --durations=25 -m "(e2e or fault or slow) and not bench" tests/e2e tests/fault $(SLOW)

EXAMPLES := 100
fuzz: setup
	@$(NEEDS_DATABASE)
	$(ON_DATABASE) POLYREEL_TEST_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -q tests/integration/api

# The figures are printed as they come (-s). Where nginx is missing, what is compared with it is left out and said.
bench: setup
	-.ci/need nginx
	@$(NEEDS_DATABASE)
	$(ON_DATABASE) $(BIN)/python -m pytest -q -s -p no:randomly -m bench tests/bench

lock: $(VENV)/.runtime
	.ci/lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# stackmend: build, test and measure. `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.done
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
PIP_COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host $(LOCK)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# --- installing -------------------------------------------------------------------------------------------------------
# A stamp in .venv/.done says what is installed; a second call looks at the stamps alone. Removing .venv starts afresh.

.PHONY: install
install: $(DONE)/runtime ## make .venv/bin/stackmend, from locked versions with hashes

.PHONY: install-dev
install-dev: $(DONE)/dev ## the same, and what lints, tests and measures it

$(DONE)/venv: tools/make_venv.sh
	tools/make_venv.sh $(VENV) $(PYTHON)
	mkdir -p $(DONE)
	touch $@

$(DONE)/runtime: $(DONE)/venv requirements/build.txt requirements/runtime.txt pyproject.toml
	@echo "installing stackmend and its $$(grep -c '^[a-z]' requirements/runtime.txt) locked packages into $(VENV)"
	$(PIP) install --only-binary :all: --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	$(BIN)/python -m pip --disable-pip-version-check check
	touch $@

$(DONE)/dev: $(DONE)/runtime requirements/dev.txt
	@echo "installing what lints and tests it"
	$(PIP) install --only-binary :all: --require-hashes -r requirements/dev.txt
	touch $@

# --- checking ---------------------------------------------------------------------------------------------------------

.PHONY: lint
lint: $(DONE)/dev ## static checks: style, types, layers, sizes
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/size_budget.py

.PHONY: unit
unit: $(DONE)/dev ## tests that need no lab and no root
	$(BIN)/pytest tests/unit tests/cases

.PHONY: nolab
nolab: lint ## static checks, and every test that needs no lab
	$(BIN)/pytest tests/unit tests/cases tests/contract tests/crash

.PHONY: test
test: $(DONE)/dev ## static checks, then every test; builds the lab meanwhile, so it needs root
	$(BIN)/stackmend lab up & lab=$$!; $(MAKE) --no-print-directory nolab || { wait $$lab; exit 1; }; wait $$lab
	$(BIN)/pytest tests/lab --durations=15

.PHONY: long
long: $(DONE)/dev ## the variations that `make test` leaves out, on the lab
	$(BIN)/pytest tests/lab -m long --long --durations=15

.PHONY: crash
crash: $(DONE)/dev ## make a maintain run for each record of its journal, killed there; hours
	$(BIN)/pytest tests/crash tests/lab -m crash --every-record

.PHONY: bench
bench: $(DONE)/dev ## measure, on the lab: each benchmark prints both sides of one run
	for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

# --- showing ----------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: install ## build the lab cloud and do the main job on it: drain, reboot, verify, return
	$(BIN)/stackmend lab demo

# --- maintaining ------------------------------------------------------------------------------------------------------

.PHONY: docs
docs: $(DONE)/dev ## write docs/reference from the code
	$(BIN)/python tools/reference.py

.PHONY: docs-check
docs-check: $(DONE)/dev ## fail when docs/reference is not what the code says
	$(BIN)/python tools/reference.py --check

.PHONY: format
format: $(DONE)/dev ## let ruff put the code in order
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: lock
lock: $(DONE)/dev ## lock requirements/*.txt anew; newest versions: make lock LOCK=--upgrade
	$(PIP_COMPILE) --output-file requirements/build.txt requirements/build.in
	$(PIP_COMPILE) --extra ansible --extra lab --output-file requirements/runtime.txt pyproject.toml
	$(PIP_COMPILE) --output-file requirements/dev.txt requirements/dev.in
	! grep -nE '://|^ *-(i|f|-index-url|-find-links)' requirements/*.txt

.PHONY: clean
clean: ## remove .venv and what the tools left; never the lab (stackmend lab down)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist

# `make run` and `make test` work on a bare machine with Python 3.11, 3.12 or 3.13; each installs what it needs.
PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check --quiet
SOURCES := bot configs nlu retrieval training tests benchmarks

.DEFAULT_GOAL := help
.PHONY: help run install test check format clean

help: ## Show what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.kefu ## Train the starter assistant if need be, serve it, print its address
	@$(VENV)/bin/kefu run --train

install: $(VENV)/.dev ## Install Kefu with everything that its tests need

test: $(VENV)/.dev ## Run the tests
	@$(VENV)/bin/python -m pytest

check: $(VENV)/.dev ## Check format, lint, types and what imports what
	$(VENV)/bin/ruff format --check $(SOURCES)
	$(VENV)/bin/ruff check $(SOURCES)
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache

format: $(VENV)/.dev ## Put the code in form
	$(VENV)/bin/ruff format $(SOURCES)
	$(VENV)/bin/ruff check --fix $(SOURCES)

clean: ## Remove the virtual environment
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else \
	    f"Kefu needs Python 3.11 to 3.13, this is {sys.version.split()[0]}. Name one: make PYTHON=python3.11 run")'
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.kefu: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Kefu and what it stands on (about two minutes)"
	@$(PIP) install -c constraints.txt -e '.[train]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Kefu, its tests and its checks (about two minutes)"
	@$(PIP) install -c constraints.txt -e '.[train,dev]'
	@touch $@ $(VENV)/.kefu

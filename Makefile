# Two commands: `make demo` shows the product, `make test` proves it. Both set everything up first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: demo test lint setup clean
.DEFAULT_GOAL := help

help:
	@echo "make demo [ARGS=--exit]   set up, play one resident's story, start the product with a register imported"
	@echo "make test                 set up, check the code, run every test"

setup: $(VENV)/installed

$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ccp needs Python 3.11 or newer; set PYTHON=/path/to/python")'
	@echo "Setting up (once): Python packages into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	@$(BIN)/ccp demo $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/pytest -n auto --dist loadgroup $(ARGS)

clean:
	rm -rf $(VENV)

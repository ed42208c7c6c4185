# The same words here, in the README and in CI.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast check long bench docs web golden lock

help:
	@echo "make demo        a pretend city in the browser"
	@echo "make test        everything that must hold (15 minutes at most)"
	@echo "make test-fast   the fast part (a minute)"
	@echo "make check       format, lint, types, layers, tidy"
	@echo "make long        kills, soaks, benches, kept in docs/measured"
	@echo "make bench       costs, side by side with peers"
	@echo "make docs        regenerate docs/reference"

setup: .venv/.ready
.venv/.ready: requirements/test.txt pyproject.toml tools/setup.py
	$(PYTHON) tools/setup.py
	@touch $@

web: .venv/.ready
	$(BIN)/python tools/web.py

demo: .venv/.ready web
	$(BIN)/fairview demo

check: .venv/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/tidy

test-fast: .venv/.ready
	$(BIN)/pytest -m "not slow and not server and not long" -n 2

test: .venv/.ready web
	$(BIN)/python tools/test.py

long: .venv/.ready web
	$(BIN)/python tools/long.py

bench: .venv/.ready
	$(BIN)/python tools/long.py --only bench

docs: .venv/.ready
	$(BIN)/python tools/reference.py

lock:
	$(PYTHON) tools/lock.py

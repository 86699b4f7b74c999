# PYTHON chooses the interpreter (3.11 to 3.13) that .venv is made from.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.PHONY: help install demo run test fuzz lint format bench lock clean

help: ## Show what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; do \
		printf '%-14s %s\n' "$$name" "$$what"; done

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "$(PYTHON) is not Python 3.11 to 3.13; choose one with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	$(BIN)/python -m compileall -q tradesync_dagster
	@touch $@

install: $(STAMP) ## Make .venv from requirements.lock

demo: $(STAMP) ## Run everything against a simulated exchange, until Ctrl-C
	@$(BIN)/tradesync demo $(ARGS)

run: $(STAMP) ## Run with your own settings and accounts, until Ctrl-C
	@$(BIN)/tradesync run $(ARGS)

test: lint ## Lint, then run every test
	$(BIN)/python -m pytest $(ARGS)

fuzz: $(STAMP) ## Damage 100,000 answers of each broker (CASES=n for another number)
	TRADESYNC_FUZZ_CASES=$(or $(CASES),100000) $(BIN)/python -m pytest \
		tradesync_dagster_tests/property/test_adapter_fuzz.py $(ARGS)

lint: $(STAMP) ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## Print side-by-side figures
	$(BIN)/python -m benchmarks $(ARGS)

lock: ## Pin the newest allowed packages in requirements.lock, with hashes
	@set -e; room=$$(mktemp -d); trap 'rm -rf "$$room"' EXIT; \
	$(PYTHON) -m venv "$$room"; \
	"$$room/bin/python" -m pip install --quiet --disable-pip-version-check uv; \
	"$$room/bin/uv" pip compile pyproject.toml --extra dev --generate-hashes --no-emit-index-url \
		--no-header --no-strip-extras --universal --python-version 3.11 --upgrade --quiet \
		-o requirements.lock

clean: ## Remove .venv and caches; books and demo data stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist *.egg-info

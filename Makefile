# PYTHON chooses the interpreter (3.11 to 3.13) that .venv is made from.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
# What make soak runs: each reads from the environment how much of it.
SOAKED := tradesync_dagster_tests/soak tradesync_dagster_tests/property/test_interleavings.py \
	tradesync_dagster_tests/faults/test_crash_points.py tradesync_dagster_tests/e2e/test_tasks.py \
	tradesync_dagster_tests/e2e/test_moderation_killed.py
.PHONY: help install demo run test fuzz soak lint format bench guide screenshots lock audit clean

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

# More processes than processors: many tests wait for servers. Each file stays in one process.
test: lint ## Lint, then run every test (WORKERS=n processes)
	$(BIN)/python -m pytest --numprocesses $(or $(WORKERS),3) --dist loadfile -m "not soak" $(ARGS)

fuzz: $(STAMP) ## Damage 100,000 answers of each broker (CASES=n for another number)
	TRADESYNC_NEW_EXAMPLES=1 TRADESYNC_FUZZ_CASES=$(or $(CASES),100000) $(BIN)/python -m pytest \
		tradesync_dagster_tests/property/test_adapter_fuzz.py $(ARGS)

soak: $(STAMP) ## Live through 20 months (SEEDS=n, STORE=postgresql), crash everywhere
	TRADESYNC_SOAK_SEEDS=$(or $(SEEDS),20) TRADESYNC_SOAK_STORE=$(or $(STORE),sqlite) \
		TRADESYNC_NEW_EXAMPLES=1 TRADESYNC_INTERLEAVINGS=500 TRADESYNC_CRASH_STRIDE=1 \
		$(BIN)/python -m pytest $(SOAKED) $(ARGS)

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

guide: $(STAMP) ## Build the guide into site/
	$(BIN)/mkdocs build --strict $(ARGS)

screenshots: $(STAMP) ## Draw the guide's pictures from a demo
	$(BIN)/python -m screenshots $(ARGS)

lock: ## Pin the newest allowed packages in requirements.lock, with hashes
	@set -e; room=$$(mktemp -d); trap 'rm -rf "$$room"' EXIT; \
	$(PYTHON) -m venv "$$room"; \
	"$$room/bin/python" -m pip install --quiet --disable-pip-version-check uv; \
	"$$room/bin/uv" pip compile pyproject.toml --extra dev --generate-hashes --no-emit-index-url \
		--no-header --no-strip-extras --universal --python-version 3.11 --upgrade --quiet \
		-o requirements.lock; \
	"$$room/bin/uv" pip compile pyproject.toml deploy/requirements.in --constraint requirements.lock \
		--generate-hashes --no-emit-index-url --no-header --no-annotate --no-strip-extras --universal \
		--python-version 3.11 --quiet -o deploy/requirements.lock

# B608 and B704, texts put together: lint looks at each of them already (S608, S704).
audit: $(STAMP) ## Look for known holes in the code and in what it stands on
	@set -e; room=$$(mktemp -d); trap 'rm -rf "$$room"' EXIT; \
	$(PYTHON) -m venv "$$room"; \
	"$$room/bin/python" -m pip install --quiet --disable-pip-version-check bandit pip-audit; \
	$(BIN)/python -m pip check; \
	"$$room/bin/bandit" --quiet --recursive tradesync_dagster --severity-level medium --skip B608,B704; \
	"$$room/bin/pip-audit" --require-hashes --disable-pip --timeout 30 -r requirements.lock; \
	"$$room/bin/pip-audit" --require-hashes --disable-pip --timeout 30 -r deploy/requirements.lock

clean: ## Remove .venv and caches; books and demo data stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist *.egg-info

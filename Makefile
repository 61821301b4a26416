PYTHON ?= python3
BIN := .venv/bin
# Everything but the two extras of gigabytes, snowflake-ml and openai-whisper; their tests are skipped without them.
EXTRAS ?= s3,gcs,azure,dashboard,weaviate,openai,postgres,celery,kubernetes,dev

.PHONY: setup test check weaviate weaviate-stop

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info[:2] < (3, 11))' || { \
	  echo "Python 3.11 or newer with venv is needed; on Debian and Ubuntu: apt install python3 python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@# Some environments switch the writing of bytecode off; without it every command compiles the project anew.
	@$(BIN)/python -m compileall -q customer_analytics
	@touch $@

test: setup
	$(BIN)/pytest --numprocesses 2 --dist loadfile

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

weaviate: setup
	@$(BIN)/python -m customer_analytics.weaviate_server start

weaviate-stop: setup
	@$(BIN)/python -m customer_analytics.weaviate_server stop

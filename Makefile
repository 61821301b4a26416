PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup test check

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info[:2] < (3, 11))' || { \
	  echo "Python 3.11 or newer with venv is needed; on Debian and Ubuntu: apt install python3 python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[s3,gcs,azure,dev]'
	@touch $@

test: setup
	$(BIN)/pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

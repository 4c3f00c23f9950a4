# make demo   installs, then the bundled songs through every stage, to three new songs
# make test   installs what tests need, then tests
# make check  format, lint, types, import order

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin

.PHONY: demo test check format clean

demo: $(VENV)/run.installed
	@PATH="$(BIN):$$PATH" bash recipes/songbook.sh

test: $(VENV)/dev.installed
	@"$(BIN)/python" -m pytest -n auto --dist loadfile

check: $(VENV)/dev.installed
	@"$(BIN)/ruff" format --check .
	@"$(BIN)/ruff" check .
	@"$(BIN)/pyright" --pythonpath "$(BIN)/python"
	@"$(BIN)/lint-imports" --no-cache

format: $(VENV)/dev.installed
	@"$(BIN)/ruff" format .
	@"$(BIN)/ruff" check --fix .

clean:
	rm -rf $(VENV)

# A stamp that is newer than the requirements: a second run installs nothing.
$(VENV)/run.installed: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing into $(VENV) (once; PyTorch is the large part)"
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev.installed: requirements-dev.txt requirements-huggingface.txt requirements-serve.txt requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing into $(VENV) (once; PyTorch is the large part)"
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/run.installed

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)

# make run     open vidpred-tui (without a terminal: train the demo and print the result)
# make test    run the whole test suite
# make check   linters, types, import contracts, then the tests

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: run test lint check clean

run: $(VENV)/.installed-run
	@if [ -t 0 ] && [ -t 1 ] && [ -t 2 ]; then $(BIN)/vidpred-tui; else $(BIN)/vidpred-engine train --preset demo; fi

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses auto

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

clean:
	rm -rf $(VENV) build dist

# uv installs several times faster, but ignores pip's configuration files; where it fails, pip does the same job.
define install
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt uv || true
	@{ [ -x $(BIN)/uv ] && $(BIN)/uv pip install --python $(BIN)/python --constraint constraints.txt --editable '$(1)'; } \
	  || $(BIN)/python -m pip install --constraint constraints.txt --editable '$(1)'
	@touch $@
endef

$(VENV)/.installed-run: $(VENV)/.created pyproject.toml constraints.txt
	$(call install,.)

$(VENV)/.installed-dev: $(VENV)/.created pyproject.toml constraints.txt
	$(call install,.[dev])
	@touch $(VENV)/.installed-run

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "vidpred needs Python 3.11 or newer; install python3 or name one with: make PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Python's venv module is missing; install it with: sudo apt install python3-venv" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

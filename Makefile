# make demo   create an environment and run the main example     (make demo ARGS="--device gpu --seeds 5")
# make test   create an environment and run the tests            (make test ARGS="-k dense")
# make lint   check style, types and the order of imports
# make audit  look for known vulnerabilities of the installed packages; fails if the advisory service cannot be reached
# make clean  remove what these targets created

PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python

# Use the data in ../shared/data if that folder exists. Otherwise they are downloaded, or TINYNET_DATA names their folder.
ifneq ($(wildcard ../shared/data),)
export TINYNET_DATA ?= ../shared/data
endif

.PHONY: demo test lint audit clean

demo: $(VENV)/.examples
	$(RUN) examples/fashion_mnist.py $(ARGS)

test: $(VENV)/.test
	$(RUN) -m pytest $(ARGS)

lint: $(VENV)/.dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports

audit: $(VENV)/.test
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/pip install --quiet pip-audit
	$(VENV)/bin/pip freeze --exclude-editable > .venv-audit/installed.txt
	.venv-audit/bin/pip-audit --strict --no-deps --disable-pip -r .venv-audit/installed.txt

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

# The file .venv/.EXTRA records that an extra is installed. A change of setup.cfg or pyproject.toml installs it again.
$(VENV)/.%: $(VENV)/bin/pip setup.cfg pyproject.toml
	$(VENV)/bin/pip install --quiet --editable '.[$*]'
	touch $@

clean:
	rm -rf $(VENV) .venv-audit .venv-tfds results build dist *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

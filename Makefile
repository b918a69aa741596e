# make demo   sets up an environment and runs the main job       (make demo ARGS="--device gpu --seeds 5")
# make test   sets up an environment and passes the tests        (make test ARGS="-k dense")
# make lint   style and types;  make clean  removes what these made
# make audit  asks for known vulnerabilities of what is installed; fails where the advisory service cannot be asked

PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python

# A checkout that stands beside the data uses them; anybody else's are downloaded, or named by TINYNET_DATA.
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

audit: $(VENV)/.test
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/pip install --quiet pip-audit
	$(VENV)/bin/pip freeze --exclude-editable > .venv-audit/installed.txt
	.venv-audit/bin/pip-audit --strict --no-deps --disable-pip -r .venv-audit/installed.txt

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

# One file for each set of extras says that it is installed; a change of setup.cfg installs it again.
$(VENV)/.%: $(VENV)/bin/pip setup.cfg pyproject.toml
	$(VENV)/bin/pip install --quiet --editable '.[$*]'
	touch $@

clean:
	rm -rf $(VENV) .venv-audit results build *.egg-info .pytest_cache .mypy_cache .ruff_cache

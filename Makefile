# Everything runs in its own virtual environment, made once and remade when its ingredients change.
#   make demo    HiCLR on synthetic skeletons, with a report
#   make test    the tests, those of the plugins in plugins/ too
#   make lint    ruff
#   make types   mypy over skelreg/ and tools/
# PYTHON chooses the interpreter (3.11 to 3.13), VENV the folder of the environment.

# The first interpreter that runs and fits; 3.11 first, because constraints.txt was tested with it.
FITS = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python; do \
	$$python -c '$(FITS)' 2>/dev/null && { echo $$python; break; }; done)
VENV ?= .venv
RUN = $(VENV)/bin/python
# Test processes at a time; each computes on one thread.
JOBS ?= 2
PLUGINS = $(patsubst %/setup.py,%,$(wildcard plugins/*/setup.py))

.PHONY: demo test lint types
.DEFAULT_GOAL := demo

demo: $(VENV)/.installed
	$(RUN) tools/demo.py

test: $(VENV)/.plugins
	OMP_NUM_THREADS=1 $(RUN) -m pytest --numprocesses $(JOBS) --dist loadfile

lint: $(VENV)/.installed
	$(RUN) -m ruff check .

types: $(VENV)/.installed
	$(RUN) -m mypy skelreg tools

$(VENV)/.installed: setup.py constraints.txt
	@test -n "$(PYTHON)" || { echo 'skelreg needs Python 3.11, 3.12 or 3.13: make PYTHON=/path/to/python'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --constraint constraints.txt --editable '.[test,vis,cluster]'
	touch $@

$(VENV)/.plugins: $(VENV)/.installed $(addsuffix /setup.py,$(PLUGINS))
	$(RUN) -m pip install --constraint constraints.txt $(addprefix --editable ,$(PLUGINS))
	touch $@

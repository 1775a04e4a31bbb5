PYTHON ?= python3
RUN := .venv/bin/python

.PHONY: demo test lint clean

demo: .venv/.demo   ## train, scan and score on a simulated cohort
	$(RUN) train.py

test: .venv/.test   ## the whole test suite
	$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder   # two files at a time; the longest comes early

lint: .venv/.test   ## style and types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

clean:              ## delete what can be computed again, not the runs
	rm -rf cache build *.egg-info

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.demo: .venv/bin/python pyproject.toml
	$(RUN) -m pip install --quiet --editable ".[simulate]"
	touch $@

.venv/.test: .venv/bin/python pyproject.toml
	$(RUN) -m pip install --quiet --editable ".[simulate,wfdb,beats,search,dashboard,test]"
	touch $@

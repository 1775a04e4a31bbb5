PYTHON ?= python3
RUN := .venv/bin/python
LATEST := .venv-latest/bin/python
LOCK := requirements.lock
TESTED := simulate,wfdb,beats,search,dashboard,export,test
LOCKED := simulate wfdb beats search dashboard slurm export docs test dev
COMPILE := --quiet --upgrade --universal --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock" pyproject.toml
# Everything below is installed in the versions of the lock, the tools that build source distributions included.
INSTALL := -m pip install --quiet --constraint $(LOCK)
NO_FIT := error: $(LOCK) must fit this platform and Python (3.11-3.13); pip says above what does not. \
	Use another Python (make PYTHON=python3.12), or make test-latest, which resolves everything afresh.

.PHONY: demo test test-latest lint docs dev lock clean

demo: .venv/.demo        ## train, scan and score on a simulated cohort
	$(RUN) train.py

test: .venv/.test        ## the whole test suite
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder   # two files at a time, a core each

test-latest:             ## the suite with the newest versions that pyproject.toml admits, as a user of tomorrow gets them
	rm -rf .venv-latest && $(PYTHON) -m venv .venv-latest
	$(LATEST) -m pip install --quiet --upgrade --editable ".[$(TESTED)]"
	OMP_NUM_THREADS=1 $(LATEST) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: .venv/.test        ## style and types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

docs: .venv/.docs        ## the site, in build/site; any warning is an error
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict

dev: .venv/.dev          ## git hooks that run the checks of make lint before a commit
	$(RUN) -m pre_commit install

lock: .venv/bin/python   ## choose all versions anew, for Python 3.11-3.13 and every platform
	$(RUN) -m pip install --quiet uv
	$(RUN) -m uv pip compile $(COMPILE) $(LOCKED:%=--extra %) --output-file $(LOCK)
	$(RUN) -m uv pip compile $(COMPILE) --extra ray --output-file requirements-ray.lock   # its plugin wants old versions, so it has an environment of its own

clean:                   ## delete what can be computed again, not the runs
	rm -rf cache build dist *.egg-info

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.tools: .venv/bin/python $(LOCK)
	@$(RUN) $(INSTALL) hatchling editables setuptools wheel || { echo "$(NO_FIT)" >&2; exit 1; }
	@touch $@

.venv/.demo: EXTRAS = simulate
.venv/.test: EXTRAS = $(TESTED)
.venv/.docs: EXTRAS = docs
.venv/.dev: EXTRAS = dev
.venv/.demo .venv/.test .venv/.docs .venv/.dev: .venv/.tools pyproject.toml
	@$(RUN) $(INSTALL) --no-build-isolation --editable ".[$(EXTRAS)]" || { echo "$(NO_FIT)" >&2; exit 1; }
	@touch $@

.venv/.dev: .venv/.test   # the git hooks lint and test

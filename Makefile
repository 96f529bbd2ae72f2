# make            what there is
# make lab        open lesson 1 in JupyterLab
# make test       run everything that CI runs
#
# Each is enough by itself on a fresh machine with Python and make. Nothing is installed outside
# $(VENV), with one exception: as root on Debian, `make test` gets the browser it needs from apt.

VENV ?= .venv
JOBS ?= 2
LAB_ARGS ?=

# A Python that is 3.11, 3.12 or 3.13, can make environments, and really runs: a name on the path
# may be a version manager's stand-in for a version that is not active.
can_run = $$p -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$(can_run) >/dev/null 2>&1 && { command -v $$p; break; }; done)
endif

# The address that JupyterLab prints where no browser opens leads to lesson 1 too.
lab_options = --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/01_consumers.ipynb \
	--log-level=WARN

# Every process gets whole files, in order: the browser's, which take longest, come first.
pytest = -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

# Lessons, wherever they run from here, leave a learner's progress alone.
tested = COURSE_PROGRESS=off
# BROWSER is also the name of an environment variable that says how to open links: only
# `make test BROWSER=firefox` counts here.
ifeq ($(origin BROWSER),command line)
tested += COURSE_BROWSER=$(BROWSER)
endif

# JupyterLab refuses to run as root, which protects servers with many users. This one is the
# user's own, on loopback and behind a token.
ifeq ($(shell id -u),0)
as_root = --allow-root
endif

.PHONY: help lab author test handouts class notebooks bench style types coverage mutation load test-all test-lowest lock clean

help:
	@echo 'make lab         open your lessons in JupyterLab (LAB_ARGS="--no-browser" over SSH)'
	@echo 'make author      open the lessons as they are committed'
	@echo 'make test        run all tests (BROWSER=firefox, JOBS=4)'
	@echo 'make handouts    write the handouts of all lessons to handouts/'
	@echo 'make class       write a set for a class to class/ (WHEELS="linux windows macos")'
	@echo 'make notebooks   run the lessons anew and store their outputs'
	@echo 'make bench       print the figures that the README names'
	@echo 'make style       format and lint the code'
	@echo 'make coverage    run the tests and show which lines of server/ none of them reaches'
	@echo 'make mutation    change the rules of ASGI in small ways, and see that a test notices'
	@echo 'make load        a thousand clients at once for a minute'
	@echo 'make test-all    run all tests on Python 3.11, 3.12 and 3.13'
	@echo 'make test-lowest run the tests with the oldest versions that pyproject.toml allows'
	@echo 'make lock        choose new versions for requirements.lock'
	@echo 'make clean       remove what make has made'

lab: $(VENV)/.installed
	$(VENV)/bin/python -m server.classroom lab $(LAB_ARGS)

author: $(VENV)/.installed
	$(VENV)/bin/jupyter lab $(lab_options) $(as_root) $(LAB_ARGS)

test: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy --strict server
	$(tested) $(VENV)/bin/python -m tests.browser.finding
	$(tested) $(VENV)/bin/python $(pytest) $(PYTEST_ARGS)

style: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format
	$(VENV)/bin/mypy --strict server

# Without the lessons: nbval would measure inside their kernels, which makes them stall.
coverage: $(VENV)/.installed-dev
	$(tested) $(VENV)/bin/python $(pytest) tests --cov $(PYTEST_ARGS)

notebooks: $(VENV)/.installed-dev
	$(tested) $(VENV)/bin/python -m tests.browser.finding
	$(tested) $(VENV)/bin/python -m tests.browser.record
	$(tested) $(VENV)/bin/python -m server.authoring.notebooks

handouts: $(VENV)/.installed
	$(VENV)/bin/python -m server.handout.build

class: $(VENV)/.installed
	$(VENV)/bin/python -m server.classroom class $(if $(WHEELS),--wheels $(WHEELS))

# What survives and may: changes of the short cut in Exchange.receive, which say the same another
# way; None for False; UTF-8 for utf-8.
mutation: $(VENV)/.installed-dev
	$(VENV)/bin/python -m pip install --quiet 'mutmut>=3.8,<4'
	rm -rf mutants
	$(tested) $(VENV)/bin/mutmut run
	$(VENV)/bin/mutmut results

load: $(VENV)/.installed-dev
	$(VENV)/bin/python -m tests.load

bench: $(VENV)/.installed-dev
	$(tested) $(VENV)/bin/python -m tests.bench

test-all:
	@for v in 3.11 3.12 3.13; do \
		p=$$(ls -d "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$v.*/bin/python 2>/dev/null | tail -1); \
		python$$v -c '' 2>/dev/null && p=python$$v; \
		test -n "$$p" || { echo "make test-all needs Python $$v: install it" >&2; exit 1; }; \
		echo "Python $$v"; \
		$(MAKE) --no-print-directory test VENV=.venv-$$v PYTHON=$$p || exit 1; \
	done

test-lowest:
	rm -rf .venv-lowest
	@$(MAKE) --no-print-directory .venv-lowest/bin/python VENV=.venv-lowest
	.venv-lowest/bin/python -m pip install --quiet uv
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python \
		--resolution lowest-direct --editable '.[dev]'
	$(tested) .venv-lowest/bin/python $(pytest) $(PYTEST_ARGS)

lock: $(VENV)/.installed-dev
	$(VENV)/bin/python -m pip install --quiet uv
	$(VENV)/bin/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--fork-strategy fewest --upgrade \
		--no-emit-index-url --no-annotate --no-header --quiet --output-file $(VENV)/lock.txt
	{ grep '^#' requirements.lock; $(shorter) $(VENV)/lock.txt; } > $(VENV)/requirements.lock
	mv $(VENV)/requirements.lock requirements.lock

# One version for all Pythons where one will do: a class then sees the same outputs everywhere.
# What holds for every line of the lock need not stand in each.
shorter = sed -E "s/ and platform_python_implementation == 'CPython'//g; \
	s/ ; python_full_version < '3.14'\$$//; s/python_full_version < '3.14' and //; \
	s/ and python_full_version < '3.14'//"

clean:
	rm -rf .venv .venv-* class handouts mutants *.egg-info .coverage* .hypothesis .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Set-up: a learner gets what the lessons need, a maintainer the rest as well.

pip = $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet \
	--constraint requirements.lock

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 that can make environments was \
	found. Install one (on Debian and Ubuntu: apt install python3 python3-venv), or say where it \
	is: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml requirements.lock | $(VENV)/bin/python
	$(pip) --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml requirements.lock | $(VENV)/bin/python
	$(pip) --editable '.[dev]'
	@touch $@ $(VENV)/.installed

# make            what there is
# make lab        open lesson 1 in JupyterLab
# make test       run everything that CI runs
#
# Each is enough by itself on a fresh machine with Python and make. Nothing is installed outside
# $(VENV), with one exception: as root on Debian, `make test` gets the browser it needs from apt.

VENV ?= .venv
JOBS ?= 5
LAB_ARGS ?=

# What the tests are run with. A newer Python gets a sentence, and is taken where PYTHON names it.
PYTHONS = 3.11 3.12 3.13 3.14 3.15

# Says of the Python that runs it why it does not do. A name on the path may also be a version
# manager's stand-in for a version that is not active: that one says nothing which begins so.
define FITS
import sys
name = "Python %d.%d" % sys.version_info[:2]
if sys.version_info < (3, 11):
    sys.exit(name + " is too old")
if sys.version_info >= (3, 16):
    sys.exit(name + " is newer than what the lessons were tried with")
try:
    import ensurepip, venv
except ImportError:
    sys.exit(name + " lacks its venv module (on Debian and Ubuntu: apt install python%d.%d-venv)" % sys.version_info[:2])
endef
export FITS

# The address that JupyterLab prints where no browser opens leads to lesson 1 too.
lab_options = --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/01_consumers.ipynb \
	--ServerApp.contents_manager_class=server.notebook.contents.LessonContents --log-level=WARN

# Every process gets whole files. Much of a test is waiting, so five take less time on two processors,
# and find moods of a busy machine sooner. Where one crashes, none takes its place: with whole files
# xdist gives it the same test again, and then waits for ever.
pytest = -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0

# Lessons, wherever they run from here, leave a learner's progress alone.
# What is compiled is kept, also where the environment says not to: there are hundreds of processes.
tested = COURSE_PROGRESS=off PYTHONDONTWRITEBYTECODE=
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

.PHONY: help lab author test handouts class notebooks bench style django coverage mutation load busy \
	moods fresh test-all test-lowest lock clean

help:
	@echo 'make lab         open your lessons in JupyterLab (LAB_ARGS="--no-browser" over SSH)'
	@echo 'make author      open the lessons as they are committed'
	@echo 'make test        run all tests (BROWSER=firefox, JOBS=2)'
	@echo 'make handouts    write the handouts of all lessons to handouts/'
	@echo 'make class       write a set for a class to class/ (WHEELS="linux windows macos")'
	@echo 'make notebooks   run the lessons anew and store their outputs'
	@echo 'make bench       print the figures that the README names'
	@echo 'make style       format and lint the code'
	@echo 'make coverage    run the tests and show which lines of server/ none of them reaches'
	@echo 'make mutation    change the rules of ASGI in small ways, and see that a test notices'
	@echo 'make load        a thousand clients at once for a minute'
	@echo 'make test-all    run all tests on Python 3.11 to 3.15, and with Django 6.0 and 6.1'
	@echo 'make fresh       try make lab and make test on a fresh Debian (SUITE=forky, as root)'
	@echo 'make busy        try all solutions ten times on a busy machine'
	@echo 'make moods       run the tests 20 times, every second time on a busy machine, and count'
	@echo 'make test-lowest run the tests with the oldest versions that pyproject.toml allows'
	@echo 'make lock        choose new versions for requirements.lock'
	@echo 'make clean       remove what make has made'

# Jupyter writes down where it runs in the home folder; where that is read-only, in the environment.
home = test -w "$$HOME" || { mkdir -p "$(VENV)/home" && HOME=$$(cd "$(VENV)/home" && pwd) && \
	export HOME; }

lab: $(VENV)/.installed
	@$(home); set -x; $(VENV)/bin/python -m server.classroom lab $(LAB_ARGS)

author: $(VENV)/.installed
	@$(home); set -x; $(VENV)/bin/python -m jupyterlab $(lab_options) $(as_root) $(LAB_ARGS)

test: $(VENV)/.installed-dev $(if $(DJANGO),django)
	$(VENV)/bin/python -m ruff check
	$(VENV)/bin/python -m ruff format --check
	$(VENV)/bin/python -m mypy --strict server
	$(tested) $(VENV)/bin/python -m tests.browser.finding
	$(tested) $(VENV)/bin/python $(pytest) $(PYTEST_ARGS)

# The lock has one Django for all Pythons; see test-all.
django: $(VENV)/.installed-dev
	$(VENV)/bin/python -m pip install --quiet 'django==$(DJANGO).*'

style: $(VENV)/.installed-dev
	$(VENV)/bin/python -m ruff check --fix
	$(VENV)/bin/python -m ruff format
	$(VENV)/bin/python -m mypy --strict server

# Without the lessons: nbval would measure inside their kernels, which makes them stall.
coverage: $(VENV)/.installed-dev
	$(tested) $(VENV)/bin/python $(pytest) tests --cov --cov-report= $(PYTEST_ARGS)
	$(tested) COVERED=greenlet $(VENV)/bin/python -m pytest -q tests/handout -k 'pdf or print' \
		--cov --cov-append

notebooks: $(VENV)/.installed-dev
	$(tested) $(VENV)/bin/python -m tests.browser.finding
	$(tested) $(VENV)/bin/python -m tests.browser.record
	$(tested) $(VENV)/bin/python -m server.authoring.notebooks

# All solutions ten times, beside processes that want all the processors.
busy: $(VENV)/.installed-dev
	$(tested) $(VENV)/bin/python -m pytest -n 0 -m busy tests $(PYTEST_ARGS)

handouts: $(VENV)/.installed-pdf
	$(VENV)/bin/python -m server.handout.build

class: $(VENV)/.installed-pdf
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

test-all: $(VENV)/.installed-dev
	$(VENV)/bin/python -m tests.machines.pythons

fresh: $(VENV)/bin/python
	$(VENV)/bin/python -m tests.machines.fresh $(or $(SUITE),trixie) $(if $(WITH),--python $(WITH)) \
		--pytest-args "$(PYTEST_ARGS)"

test-lowest:
	rm -rf .venv-lowest
	@$(MAKE) --no-print-directory .venv-lowest/bin/python VENV=.venv-lowest
	.venv-lowest/bin/python -m pip install --quiet uv
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python \
		--resolution lowest-direct --editable '.[dev]'
	$(tested) .venv-lowest/bin/python $(pytest) $(PYTEST_ARGS)

# Twenty runs take some two hours; MOODS="4 tests/test_host.py --stall 0.4" takes fewer.
moods: $(VENV)/.installed-dev
	$(tested) $(VENV)/bin/python -m tests.machines.moods $(or $(MOODS),20 tests notebooks -n $(JOBS))

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
	s/ ; python_full_version < '3.16'\$$//; s/python_full_version < '3.16' and //; \
	s/ and python_full_version < '3.16'//; s/== '3.15.\*'/>= '3.15'/"

clean:
	rm -rf .venv .venv-* class handouts mutants *.egg-info .coverage* .hypothesis .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Set-up: a learner gets what the lessons need, a maintainer the rest as well.

pip = $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet \
	--constraint requirements.lock

no_pip = pip could not get all that the course needs. The first make needs a network and about \
500 MB of disk; what it has already got is kept, so run it again when both are there. Where an \
earlier one was ended in the middle and the same error comes again, make clean comes first.

$(VENV)/bin/python:
	@found=; reasons=; there=; \
	for p in $(if $(PYTHON),"$(PYTHON)",python3 $(PYTHONS:%=python%) python); do \
		if why=$$("$$p" -c "$$FITS" 2>&1); then found=$$p; break; fi; \
		case $$why in \
		*"newer than"*) test -z "$(PYTHON)" || { found=$$p; echo "$$why: some outputs \
may differ." >&2; break; }; reasons="$$reasons$$p: $$why. " ;; \
		"Python "*) reasons="$$reasons$$p: $$why. " ;; \
		esac; \
	done; \
	test -n "$$found" || { echo "No Python that fits was found. $${reasons}The lessons need one \
of $(PYTHONS), with its venv module (on Debian and Ubuntu: apt install python3 python3-venv). If you \
have one elsewhere, say so: make PYTHON=/path/to/python3" >&2; exit 1; }; \
	echo "$$found -m venv $(VENV)"; \
	test -e "$(VENV)" && there=yes; \
	"$$found" -m venv "$(VENV)" || { test -n "$$there" || rm -rf "$(VENV)"; echo "make could not make $(VENV) here. If \
this folder cannot be written to, choose another one: make lab VENV=\$$HOME/lessons" >&2; exit 1; }

$(VENV)/.installed: pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "$(pip) --editable ."; $(pip) --editable . || { echo "$(no_pip)" >&2; exit 1; }
	@touch $@

$(VENV)/.installed-pdf: pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "$(pip) --editable .[pdf]"; $(pip) --editable '.[pdf]' || { echo "$(no_pip)" >&2; exit 1; }
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "$(pip) --editable .[dev]"; $(pip) --editable '.[dev]' || { echo "$(no_pip)" >&2; exit 1; }
	@touch $@ $(VENV)/.installed $(VENV)/.installed-pdf

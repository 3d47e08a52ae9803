# Daybook: `make` prints what there is.
PYTHON ?= python3
BIN := .venv/bin
LOCKS := requirements.lock pyproject.toml graphql/api/ide/package-lock.json
TYPED := domain projections infra graphql/api server.py tests
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help install run test check audit golden bench reset clean test-clone lock wheel faults kafka

help: ## this list
	@echo "Daybook: an event-sourced CRM server. With git, Python 3.11 and make:"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1	/' | awk -F '\t' '{ printf "  make %-11s %s\n", $$1, $$2 }'

install: ## set everything up in .venv (the other commands do it for you)
	@{ pwd; cat $(LOCKS); } | cmp -s - .venv/installed || $(MAKE) --no-print-directory .install

.PHONY: .install
.install:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Daybook needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Setting up in .venv (once)"
	@if ! $(BIN)/python -c pass 2>/dev/null || ! { test ! -e .venv/installed || head -n 1 .venv/installed | grep -qxF "$$PWD"; }; \
		then $(PYTHON) -m venv --clear .venv; fi
	@$(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python graphql/api/ide/build.py
	@{ pwd; cat $(LOCKS); } > .venv/installed

run: install ## start Daybook with sample data; Ctrl-C ends it
	@$(BIN)/daybook serve --sample

test: install ## the whole test suite, in two processes
	@$(BIN)/pytest --numprocesses 2 --dist loadfile

check: install ## format, lint, types, the audit, then the tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy $(TYPED)
	@$(MAKE) --no-print-directory audit
	@$(MAKE) --no-print-directory test

audit: install ## whether anything that is locked is known to be vulnerable, where advisories can be asked for
	@$(BIN)/python -m tests.audit

golden: install ## accept the golden files as they are now; look at their diff
	@$(BIN)/pytest --accept-golden

bench: install ## measure; every number is a ratio within one run
	@$(BIN)/python -m tests.bench

kafka: install ## start an Apache Kafka of one's own on port 9092 (needs Java 17 and Maven); Ctrl-C ends it
	@$(BIN)/python -m infra.kafka.broker

faults: install ## kill at random under load, FAULTS=1000 times; `make test` does it a few times
	@$(BIN)/pytest -m long tests/faults
	@$(BIN)/python -m tests.faults $(or $(FAULTS),1000)

test-clone: ## follow the README to the letter in a fresh clone of HEAD
	@$(PYTHON) tests/clone.py

wheel: install ## build the wheel into dist/
	@$(BIN)/python -m pip --disable-pip-version-check wheel . --quiet --no-deps --no-build-isolation --wheel-dir dist

lock: install ## choose the newest versions that fit, and lock them with their hashes
	@$(BIN)/python -m venv --clear .venv/lock && .venv/lock/bin/pip install --quiet uv
	@.venv/lock/bin/uv pip compile pyproject.toml --group dev --group build --quiet --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --annotation-style line --output-file requirements.lock

reset: ## forget all data of `make run` (the folder .daybook)
	@if [ -x $(BIN)/daybook ]; then $(BIN)/daybook reset --yes; else rm -rf .daybook; fi

clean: ## remove what was set up and built; the data stays
	@rm -rf .venv dist build graphql/api/ide/built tests/clients/.node tests/clients/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

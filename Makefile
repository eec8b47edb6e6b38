# `make` alone lists the commands.
SHELL := /bin/bash
# Debian keeps nginx where only root looks.
export PATH := $(PATH):/usr/sbin
# The tests start the program hundreds of times, and compiling it takes a third of a start.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# Tests with floods and browsers. They mostly wait, and would disturb the others.
WAITING := tests/faults tests/dashboard
PYTEST := -m pytest --numprocesses 3 --dist worksteal
# What `make bench` measured.
RUN ?= bench.json
# What `make bench-growth` measured, if it did.
CURVES ?= $(wildcard growth.json)
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: help run cluster serve client test test-fast test-packages test-cluster chaos chaos-cluster mutants lint fmt bench bench-peers bench-quick bench-growth bench-soak bench-comeback bench-dashboard screenshots browser node redis proxies debian maven

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

# Only a HOST of the command line counts: some shells export one, with the machine's name.
run: .venv/server ## serve a demo on http://localhost:8000: made-up users come, go and call; HOST=0.0.0.0 for phones
	$(BIN)/python server.py --demo $(if $(filter command,$(firstword $(origin HOST))),--host $(HOST))

cluster: .venv/server redis ## serve the demo on three servers that behave as one, with Redis and MongoDB; Ctrl-C ends all of it
	$(BIN)/python -m tests.cluster

serve: .venv/server ## serve for real; settings come from ROLLCALL_* variables
	$(BIN)/python server.py

# Coverage is measured only of the fast tests, which reach nearly every line: measuring slows a test down.
test: .venv/tests browser node redis lint ## everything, with both stores, a browser and coverage
	node --test tests/client/*.test.js tests/admin_client/*.test.js
	$(BIN)/coverage erase
	$(BIN)/coverage run $(PYTEST) -m 'not slow and not packages'
	$(BIN)/coverage combine -q
	$(BIN)/coverage report
	$(BIN)/coverage report --include '*/realtime/*' --omit '*/tests/*' --fail-under 100
	$(BIN)/python $(PYTEST) -m 'slow and not packages' $(WAITING:%=--ignore %)
	$(BIN)/python $(PYTEST) -m 'slow and not packages' $(WAITING)

test-fast: .venv/tests ## what fails in seconds: no browser, no chaos, the embedded store
	$(BIN)/python $(PYTEST) -m 'not slow and not packages'

test-packages: .venv/tests redis proxies node maven debian ## nginx and Caddy in front of three servers; others' projects with the client, generated clients; the container; as root
	$(BIN)/python -m pytest -m packages tests/cluster tests/examples tests/deploy

test-cluster: .venv/tests redis ## the end-to-end tests against three servers that share a log, in some ten minutes
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --cluster tests/seed tests/sockets tests/api tests/server_api

lint: .venv/tests ## ruff (with bandit's rules) and strict types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fmt: .venv/tests ## format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

client: .venv/server ## write rollcall-client.tgz, which a server also serves: npm install ./rollcall-client.tgz
	$(BIN)/python -m handlers.docs.client_package rollcall-client.tgz

chaos: .venv/server ## faults, floods and hostile clients on both stores, in a quarter of an hour; LONG=1 for longer
	$(BIN)/python -m chaos $(if $(LONG),--long) $(if $(SERVERS),--servers $(SERVERS))

chaos-cluster: .venv/server redis proxies ## faults of three servers on Redis, behind nginx, in a quarter of an hour
	$(BIN)/python -m chaos --servers several

mutants: .venv/tests redis ## plant known mistakes one by one; the tests must find each
	$(BIN)/python -m tests.mutants

bench: .venv/bench redis ## Rollcall side by side with the servers of bench-peers, in 20 minutes; ONLY="ROW …" for some rows
	$(BIN)/python -m benchmarks $(ONLY:%=--only %) --json $(RUN); code=$$?; \
		test -n "$(ONLY)" -o ! -s $(RUN) || $(BIN)/python -m benchmarks.publish $(RUN) $(CURVES:%=--growth %); exit $$code

bench-peers: .venv/server ## install Node's ws, Go's centrifuge and nginx with nchan outside the sources, to compare with
	$(BIN)/python -m benchmarks.peers.install

bench-growth: .venv/server redis ## curves of cost against users, watchers, changes, idle sockets and nodes, in six minutes
	$(BIN)/python -m benchmarks.growth --json growth.json

bench-soak: .venv/server ## sockets come and go for ten minutes, then nothing of them may be left; SECONDS=60 for less
	$(BIN)/python -m benchmarks.soak $(SECONDS:%=--seconds %)

bench-quick: .venv/server ## fan-out against the limit of one core in C, in a minute
	$(BIN)/python -m benchmarks.quick

bench-comeback: .venv/server node ## a restart under a thousand clients, in a minute
	$(BIN)/python -m benchmarks.comeback

bench-dashboard: .venv/tests browser ## the operators' page under load and with 10,000 users, in three minutes
	$(BIN)/python -m benchmarks.dashboard

screenshots: .venv/tests browser ## every page and state of the dashboard, at five widths, light and dark, for people to look at, in ten minutes
	$(BIN)/python -m tests.screenshots $(or $(FOLDER),/tmp/rollcall-screenshots) $(ONLY:%=--only '%')

browser: .venv/browser
	@command -v chromium >/dev/null || { echo 'installing chromium for the browser tests'; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q --no-install-recommends chromium; }

# Tried once: not every system has this package, and the tests also run in chromium itself.
.venv/browser: .venv/tests
	@command -v chromium-headless-shell >/dev/null || { echo 'installing chromium without windows, in which tests take half the time'; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q --no-install-recommends chromium chromium-headless-shell; } || \
		echo 'Without it, the browser tests run in chromium and take longer.'
	@touch $@

redis:
	@command -v redis-server >/dev/null || { echo 'installing redis-server for the tests of several servers'; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q --no-install-recommends redis-server && \
		{ $(SUDO) systemctl disable --now redis-server 2>/dev/null || true; }; }

proxies:
	@{ command -v nginx && command -v caddy; } >/dev/null || { echo 'installing nginx and Caddy for the tests of proxies'; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q --no-install-recommends nginx-light caddy && \
		{ $(SUDO) systemctl disable --now nginx caddy 2>/dev/null || true; }; }

debian:
	@{ command -v debootstrap && command -v promtool; } >/dev/null || { echo 'installing debootstrap and promtool for the tests of deploy/'; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q --no-install-recommends debootstrap prometheus && \
		{ $(SUDO) systemctl disable --now prometheus 2>/dev/null || true; }; }

maven:
	@{ command -v mvn && command -v javac; } >/dev/null || { echo 'installing Maven for the tests of Kotlin clients'; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q --no-install-recommends maven default-jdk-headless; }

node: tests/node/node_modules/.made

tests/node/node_modules/.made: tests/node/package-lock.json
	@command -v npm >/dev/null || { echo 'installing node for the tests of foreign clients'; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q --no-install-recommends nodejs npm; }
	cd tests/node && npm ci --no-audit --no-fund
	@touch $@

.venv/server: requirements.txt
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'Rollcall needs Python 3.11 or newer; say which one, as in: make run PYTHON=python3.12' >&2; exit 1; }
	@test -x $(BIN)/python || { echo 'making the environment in .venv'; $(PYTHON) -m venv .venv; }
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	@touch $@

.venv/bench: .venv/server benchmarks/requirements.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q -r benchmarks/requirements.txt
	@touch $@

.venv/tests: .venv/server tests/requirements.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q -r tests/requirements.txt
	@touch $@

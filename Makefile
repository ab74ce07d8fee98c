# One line a target: `make help`. ARGS goes to pytest (or to the tool that the target runs), AREA narrows the gate.
#
# Two kinds of set-up: `setup` (everything; a tenth of a second when done) for what starts servers, and the virtual environment
# alone for the rest, so that the gate runs on a machine that has none of the lab's servers.

# Compiled modules are kept, also where the environment asks Python not to: half of the gate's start would be compiling.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

PYTHON ?= python3
ARGS ?=
AREA ?=
PROFILE ?=
WORKERS ?=
SECONDS ?=
RATE ?=
K ?=
SCENARIO ?= docs/game_days/first.toml

VENV   := .venv/bin
READY  := .venv/.ready
PYTEST := $(VENV)/python -m pytest
GATED  := $(if $(AREA),checks/test_$(AREA).py,checks)
# Folders that are there; a package that is planned is no error.
TYPED  := $(wildcard selfcheck checks chaos load lab tests tools)

# `test` runs in two parts: what measures time or is interrupted runs alone, and what mostly waits for its lab runs beside
# another one (BESIDE). A part of which ARGS selects nothing (5) counts only when the other one is empty, too.
# make itself ends with 2 whatever a program's exit code was, so the gate's own is printed.
GATE = $(PYTEST) $(GATED) $(ARGS); code=$$?; echo "self-check: exit code $$code"; exit $$code

.PHONY: help
help: ## this list
	@echo "make TARGET [ARGS='...'] [AREA=health]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-20s %s\n", $$1, $$2}' Makefile

.PHONY: setup
setup: ## install what is missing: packages, servers, Toxiproxy
	@$(PYTHON) tools/setup.py

.PHONY: setup-kubernetes
setup-kubernetes: setup ## likewise the API server for test-kubernetes: 7 minutes
	@$(PYTHON) tools/setup.py --only kubernetes

$(READY): requirements.lock
	@$(PYTHON) tools/setup.py --only python

.PHONY: demo
demo: setup ## start the lab, run the strict gate on it, stop the lab
	@sh tools/demo.sh $(ARGS)

BESIDE := tests/proof tests/unit tests/gate/test_api_areas.py tests/gate/test_other_platforms.py \
	tests/lab tests/clients tests/test_setup.py tests/test_layout.py

.PHONY: test
test: setup ## the project's own tests, all of them
	@code=5; \
	for part in "-m not(thorough) $(BESIDE:%=--ignore=%) --ignore=tests/cluster tests" "-n 2 --dist loadgroup $(BESIDE)"; do \
		$(PYTEST) $$part $(ARGS); one=$$?; \
		if [ $$one -ne 5 ] && { [ $$code -eq 5 ] || [ $$code -eq 0 ]; }; then code=$$one; fi; \
		[ $$one -ne 2 ] || break; \
	done; exit $$code

.PHONY: test-fast
test-fast: $(READY) ## tests without the lab, slow ones and whole gate runs
	@$(PYTEST) -n 2 tests --ignore=tests/gate -m "not lab and not proof and not slow" $(ARGS)

.PHONY: test-kubernetes
test-kubernetes: setup-kubernetes ## the tests against an API server of Kubernetes
	@$(PYTEST) tests/cluster $(ARGS)

.PHONY: lint
lint: $(READY) ## ruff (rules, formatting) and mypy
	@code=0; \
	$(VENV)/ruff check --quiet . || code=1; \
	$(VENV)/ruff format --check . || code=1; \
	$(VENV)/mypy $(TYPED) || code=1; \
	exit $$code

.PHONY: format
format: $(READY) ## let ruff format the code and mend what it safely can
	@$(VENV)/ruff check --quiet --fix-only .
	@$(VENV)/ruff format .

.PHONY: lock
lock: $(READY) ## write requirements.lock (ARGS=--upgrade: newest versions)
	@$(VENV)/python tools/lock.py $(ARGS)

.PHONY: lab-up
lab-up: setup ## start the lab; its settings are then in .lab/lab.env
	@$(VENV)/python -m lab up $(ARGS)

.PHONY: lab-down
lab-down: $(READY) ## stop the lab
	@$(VENV)/python -m lab down $(ARGS)

.PHONY: lab-status
lab-status: $(READY) ## what runs of the lab, and whether it is ready
	@$(VENV)/python -m lab status $(ARGS)

.PHONY: self-check
self-check: $(READY) ## the gate; what cannot be told is a warning
	@SELF_CHECK_STRICT=0 $(GATE)

.PHONY: self-check-strict
self-check-strict: $(READY) ## the gate; what cannot be told fails it
	@SELF_CHECK_STRICT=1 $(GATE)

# Areas are markers.
OBSERVABILITY := prometheus or queries or alerts or rehearsal or routing or scraping or dashboards

.PHONY: observability-test
observability-test: $(READY) ## the gate on rules, alerts, routes, dashboards; strict
	@SELF_CHECK_STRICT=1 $(PYTEST) checks -m "$(OBSERVABILITY)" $(ARGS); \
	code=$$?; echo "self-check: exit code $$code"; exit $$code

.PHONY: observability-status
observability-status: $(READY) ## how everything is now, on one screen
	@$(VENV)/python -m tools.observability_status

.PHONY: prom-validate
prom-validate: $(READY) ## rule files and configurations, offline; ARGS=files
	@$(VENV)/python -m tools.validate rules $(ARGS); code=$$?; echo "prom-validate: exit code $$code"; exit $$code

.PHONY: metrics-validate
metrics-validate: $(READY) ## the table of metrics, and a page; ARGS=file or URL
	@$(VENV)/python -m tools.validate metrics $(ARGS); code=$$?; echo "metrics-validate: exit code $$code"; exit $$code

# PROFILE, WORKERS, SECONDS and RATE are short for SELF_CHECK_LOAD_PROFILE and so on.
LOAD = $(if $(PROFILE),SELF_CHECK_LOAD_PROFILE=$(PROFILE)) $(if $(WORKERS),SELF_CHECK_LOAD_WORKERS=$(WORKERS)) \
	$(if $(SECONDS),SELF_CHECK_LOAD_SECONDS=$(SECONDS)) $(if $(RATE),SELF_CHECK_LOAD_RATE_FACTOR=$(RATE))

.PHONY: load
load: $(READY) ## load the platform and judge it: PROFILE=smoke WORKERS=1
	@$(LOAD) SELF_CHECK_STRICT=1 $(PYTEST) load $(ARGS); code=$$?; echo "load: exit code $$code"; exit $$code

.PHONY: load-ui
load-ui: $(READY) ## Locust's own page, with the users of the contract
	@$(VENV)/python -m locust -f load/locustfile.py $(ARGS)

.PHONY: capacity
capacity: $(READY) ## search the highest rate that holds the promises
	@$(LOAD) $(VENV)/python -m load capacity $(ARGS); code=$$?; echo "capacity: exit code $$code"; exit $$code

.PHONY: chaos-recover
chaos-recover: $(READY) ## take back what a killed chaos run has left
	@$(VENV)/python -m chaos recover; code=$$?; echo "chaos-recover: exit code $$code"; exit $$code

# K and SCENARIO pick experiments, and a game day's file.
.PHONY: chaos
chaos: $(READY) ## break things on purpose, and judge it: K=redis
	@SELF_CHECK_STRICT=1 $(PYTEST) chaos $(if $(K),-k $(K)) $(ARGS); code=$$?; echo "chaos: exit code $$code"; exit $$code

.PHONY: chaos-plan
chaos-plan: $(READY) ## what experiments would do, and do nothing: K=redis
	@$(VENV)/python -m chaos plan $(if $(K),-k $(K)) $(ARGS)

.PHONY: game-day
game-day: $(READY) ## experiments as a story: SCENARIO=file ARGS=--manual
	@$(VENV)/python -m chaos game-day $(SCENARIO) $(ARGS); code=$$?; echo "game-day: exit code $$code"; exit $$code

.PHONY: explore
explore: $(READY) ## a long look for vectors that are compared wrongly
	@$(VENV)/python -m tools.explore $(ARGS)

.PHONY: bench
bench: setup ## what the gate and load tests cost, and how exact they are
	@$(VENV)/python -m tools.bench $(ARGS)
	@$(VENV)/python -m tools.bench_observability $(ARGS)
	@$(VENV)/python -m tools.bench_load

.PHONY: soak
soak: setup-kubernetes ## hours: killed runners, all defects, green runs in a row
	@$(VENV)/python -m tools.kills 200
	@$(PYTEST) tests/load/test_defects_under_load.py tests/chaos/test_defects_in_experiments.py
	@$(PYTEST) tests/cluster
	@$(VENV)/python -m tools.greens load 50
	@$(VENV)/python -m tools.greens chaos 50

.PHONY: detection
detection: setup ## every seeded defect against every check: what is missed
	@$(VENV)/python -m tools.detection $(ARGS)

.PHONY: clean
clean: ## remove caches and reports
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .selfcheck .setup build reports allure-results
	@find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## stop the lab, then remove it and .venv too
	@if [ -x $(VENV)/python ] && [ -d .lab ]; then $(VENV)/python -m lab down; fi
	@rm -rf .venv .lab

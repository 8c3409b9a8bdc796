# Each target sets up what it needs, and no more. GNU make 3.81 or newer.
.DEFAULT_GOAL := help
.PHONY: help dev demo twins test contract lint validate validate-selftest build bench chaos eval faults smoke redrive lock clean dev-env tools-env runtime-env contract-env wheels

PY := .venv/bin/python
TOOLS := .tools/venv/bin/python

help: ## say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

dev: dev-env ## start everything on this machine and print the URLs
	@exec $(PY) -m local dev

demo: dev-env ## play the whole story against throwaway services and print it
	@exec $(PY) -m local demo

twins: dev-env ## start the twins of Zep, Mem0 and Gemini alone; OPTIONS="--help" lists options
	@exec $(PY) -m local twins $(OPTIONS)

test: dev-env ## run the tests with coverage
	@$(PY) scripts/run_tests.py

contract: contract-env ## drive the twins with the official clients, and hold ours against them
	@COVERAGE=$(COVERAGE) .tools/contract/bin/python -m scripts.run_contract

lint: dev-env ## ruff and mypy
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy && $(PY) -m mypy scripts bench evaluation chaos faults

validate: tools-env ## check template.yaml, offline and without an account
	@$(TOOLS) -m scripts.validate

validate-selftest: dev-env tools-env ## plant defects into copies of template.yaml and see each one found
	@$(PY) scripts/run_tests.py --plain tests/gates

build: tools-env wheels ## build what is deployed, into .aws-sam/build
	@$(TOOLS) scripts/build.py

bench: dev-env runtime-env build ## measure against the budgets
	@$(PY) -m bench

chaos: dev-env ## talk while everything fails, and see that nothing was lost or doubled
	@$(PY) -m chaos $(RUNS)

eval: dev-env ## play the labelled sets through a whole local stack and judge what comes of them
	@$(PY) -m evaluation $(PARTS)

faults: dev-env ## every fault of every service at each endpoint, held against docs/fault-matrix.md
	@$(PY) -m faults $(PARTS)

smoke: dev-env runtime-env build ## play the story on the built artifacts
	@$(PY) scripts/run_tests.py --plain tests/smoke

redrive: dev-env ## put dead letters back: FROM=<dead-letter queue's URL> TO=<queue's URL>, or DEV=1
	@$(PY) -m scripts.redrive

lock: ## resolve requirements/*.in again (needs uv and the network)
	@sh scripts/lock

clean: ## remove environments, builds and local data
	@if [ -d .tandem ] && [ -x $(PY) ]; then $(PY) -m local clean || true; fi
	@rm -rf .venv .tools .aws-sam .tandem .mypy_cache .pytest_cache .ruff_cache .hypothesis

dev-env:
	@sh scripts/set_up dev

tools-env:
	@sh scripts/set_up tools

runtime-env:
	@sh scripts/set_up runtime

contract-env:
	@sh scripts/set_up contract
	@sh scripts/set_up contract-mem0-0x

wheels:
	@sh scripts/set_up wheels

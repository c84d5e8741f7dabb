# Two targets matter to a newcomer: `make run` and `make test`. Each does all the set-up it needs.
SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# Tests that watch or load the whole machine: side by side they would count each other's traffic.
WHOLE_MACHINE := tests/agent/capture/linux $(wildcard tests/end_to_end/test_*.py)
# The browser's driver keeps an event loop running in its process, where no test of a coroutine can run then.
BROWSER := tests/end_to_end/browser
# Each of these has the machine's port 443 and the browsers' own folders to itself.
EXTENSION := $(wildcard tests/end_to_end/browser/test_extension*.py)
# These share no database server with tests that end its processes.
APART := tests/server/jobs tests/server/metrics tests/server/tenants/test_attribution.py
PYTEST := $(BIN)/python -m pytest --cov --cov-append --cov-report=
# $(1) how, $(2) which. What fails is tried once more, alone and in order: what is broken fails again, and what failed
# only because the machine was busy is named in the output all the same.
tests = @$(PYTEST) $(1) $(2) $(ARGS) || $(PYTEST) --last-failed --last-failed-no-failures=none $(2) $(ARGS)

.PHONY: run test setup check bench bench-capture lock kernel clean

run: $(VENV)/runs ## start the database, the server and this machine's agent, and open the page
	@$(BIN)/toktra up $(ARGS)

test: $(VENV)/ready ## everything CI runs: checks, then all tests with branch coverage
	@scripts/system-packages test
	@$(MAKE) --no-print-directory check
	@$(BIN)/coverage erase
	$(call tests,,$(WHOLE_MACHINE))
	$(call tests,,$(EXTENSION))
	$(call tests,-n 2,$(BROWSER) $(EXTENSION:%=--ignore=%))
	$(call tests,,$(APART))
	$(call tests,-n 2,tests $(patsubst %,--ignore=%,$(WHOLE_MACHINE) $(BROWSER) $(APART)))
	@echo "Lines and branches run by tests: $$($(BIN)/coverage report --format=total) %"

setup: $(VENV)/ready ## create .venv with everything in it

check: $(VENV)/ready ## lint, types, import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/ready ## peers and limits measured side by side; prints JSON
	@$(BIN)/python -m bench $(ARGS)

bench-capture: $(VENV)/ready ## the live capture alone, beside dumpcap, tshark and nfstream
	@$(BIN)/python -m bench capture

kernel: $(VENV)/ready ## rebuild the kernel program's blob and compare it with the committed one
	@$(BIN)/python scripts/build_kernel_program.py $(ARGS)

lock: ## resolve the dependencies anew
	@scripts/lock

$(VENV)/runs: pyproject.toml requirements-run.lock # what `make run` needs, and no more: a newcomer waits for it
	@scripts/setup $(VENV) requirements-run.lock --no-compile # Python compiles what it imports, when it does
	@touch $@

$(VENV)/ready: pyproject.toml requirements.lock
	@scripts/setup $(VENV) requirements.lock
	@touch $@ $(VENV)/runs

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage*

# Two targets matter to a newcomer: `make run` and `make test`. Each does all the set-up it needs.
SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# Python keeps what it compiled, whatever the caller's habit: the tests start some hundred processes of ours.
export PYTHONDONTWRITEBYTECODE :=
# Tests that watch or load the whole machine: side by side they would count each other's traffic.
END_TO_END := $(wildcard tests/end_to_end/test_*.py)
WHOLE_MACHINE := tests/agent/capture/linux $(END_TO_END)
# The browser's driver keeps an event loop running in its process, where no test of a coroutine can run then.
BROWSER := tests/end_to_end/browser
# Each of these has the machine's port 443 and the browsers' own folders to itself.
EXTENSION := $(wildcard tests/end_to_end/browser/test_extension*.py)
# These share no database server with tests that end its processes.
APART := tests/server/jobs tests/server/metrics tests/server/tenants/test_attribution.py
# `make coverage` sets it. Tracing every line makes Python half as fast, so `make test` does without.
MEASURED ?=
# $(1) a name, $(2) how, $(3) which. What fails is tried once more, alone and in order: what is broken fails again, and
# what failed only because the machine was busy is named in the output all the same. Three of these run at once, so each
# remembers in a place of its own what failed and which lines ran.
pytest = COVERAGE_FILE=.coverage-$(1) $(before) $(BIN)/python -m pytest -o cache_dir=.pytest_cache/$(1) $(MEASURED)
tests = @$(pytest) $(2) $(3) $(ARGS) || $(pytest) --last-failed --last-failed-no-failures=none $(3) $(ARGS)

.PHONY: run test test-whole-machine test-browser test-beside-it coverage setup check bench bench-capture lock kernel clean

run: $(VENV)/runs ## start the database, the server and this machine's agent, and open the page
	@$(BIN)/toktra up $(ARGS)

test: $(VENV)/ready ## everything CI runs: checks, then all tests
	@scripts/system-packages test
	@$(MAKE) --no-print-directory -k -j 3 --output-sync=line test-whole-machine test-browser test-beside-it

test-whole-machine: # mostly waits: for the kernel, for timetables, for processes that start
	$(call tests,kernel,,$(filter-out $(END_TO_END),$(WHOLE_MACHINE)))
	$(call tests,end-to-end,,$(END_TO_END))
	$(call tests,extension,,$(EXTENSION))

# Neither these nor the next talk to a provider's name on port 443, which the first watch, and they are nicer than those,
# which know timetables. One browser at a time, or the nicest would hardly get on until two were through.
test-browser: before = nice -n 5
test-browser:
	$(call tests,browser,,$(BROWSER) $(EXTENSION:%=--ignore=%))

# Being the nicest, these take all the time that the others leave.
test-beside-it: before = nice
test-beside-it:
	@$(before) $(MAKE) --no-print-directory check
	$(call tests,apart,,$(APART))
	$(call tests,rest,-n 2,tests $(patsubst %,--ignore=%,$(WHOLE_MACHINE) $(BROWSER) $(APART)))

coverage: $(VENV)/ready ## all tests as `make test` runs them, with branch coverage; takes twice as long
	@rm -f .coverage .coverage-*
	@$(MAKE) --no-print-directory test MEASURED="--cov --cov-append --cov-report="
	@$(BIN)/coverage combine --quiet .coverage-*
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

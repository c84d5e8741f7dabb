# Two targets matter to a newcomer: `make run` and `make test`. Each does all the set-up it needs.
SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# Python keeps what it compiled, whatever the caller's habit: the tests start some hundred processes of ours.
export PYTHONDONTWRITEBYTECODE :=
# Of these every process watches a cgroup of its own (tests/lab/own_cgroup.py), and would else count others' traffic.
KERNEL := tests/agent/capture/linux
END_TO_END := $(wildcard tests/end_to_end/test_*.py)
# The browser's driver keeps an event loop running in its process, where no test of a coroutine can run then.
BROWSER := tests/end_to_end/browser
# Each of these has the machine's port 443 and the browsers' own folders to itself.
EXTENSION := $(wildcard tests/end_to_end/browser/test_extension*.py)
# These share no database server with tests that end its processes.
APART := tests/server/jobs tests/server/metrics tests/server/tenants/test_attribution.py
# `make coverage` sets it. Tracing every line makes Python half as fast, so `make test` does without.
MEASURED ?=
# $(1) a name, $(2) how, $(3) which. What fails is tried once more, alone and in order: what is broken fails again, and
# what failed only because the machine was busy is named in the output all the same. Four of these run at once, so each
# remembers in a place of its own what failed and which lines ran.
pytest = COVERAGE_FILE=.coverage-$(1) $(before) $(BIN)/python -m pytest -o cache_dir=.pytest_cache/$(1) $(MEASURED)
tests = @$(pytest) $(2) $(3) $(ARGS) || $(pytest) --last-failed --last-failed-no-failures=none $(3) $(ARGS)

.PHONY: run test system-packages test-kernel test-end-to-end test-browser test-beside-it coverage setup check bench bench-capture lock kernel clean

run: $(VENV)/runs ## start the database, the server and this machine's agent, and open the page
	@$(BIN)/toktra up $(ARGS)

test: ## everything CI runs: checks, then all tests
	@$(MAKE) --no-print-directory -j 2 $(VENV)/ready system-packages
	@$(MAKE) --no-print-directory -k -j 4 --output-sync=line test-kernel test-end-to-end test-browser test-beside-it

system-packages:
	@scripts/system-packages test

# The first two mostly wait: for the kernel, for timetables, for processes that start. The others are nicer than they.
test-kernel:
	$(call tests,kernel,,$(KERNEL))
	$(call tests,extension,,$(EXTENSION))

test-end-to-end:
	$(call tests,end-to-end,-n 2,$(END_TO_END))

# One browser at a time, or those of the nicest would hardly get on until the other was through.
test-browser: before = nice -n 5
test-browser:
	$(call tests,browser,,$(BROWSER) $(EXTENSION:%=--ignore=%))

# Being the nicest, these take all the time that the others leave.
test-beside-it: before = nice
test-beside-it:
	@$(before) $(MAKE) --no-print-directory check
	$(call tests,apart,,$(APART))
	$(call tests,rest,-n 3,tests $(patsubst %,--ignore=%,$(KERNEL) $(END_TO_END) $(BROWSER) $(APART)))

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
	@scripts/setup $(VENV) requirements-run.lock
	@touch $@

$(VENV)/ready: pyproject.toml requirements.lock
	@scripts/setup $(VENV) requirements.lock
	@touch $@ $(VENV)/runs

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage*

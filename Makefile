# Every command of this repository. `make help` lists them.
SHELL := /bin/bash -o pipefail
CARGO ?= cargo
# eBPF needs root; where we are root already nothing stands in front.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo -E env "PATH=$(PATH)")
# The stock rules are Falco's: they are not in this repository.
CADGE_COMPAT ?= ../shared/compat
BENCH_RULES = $(abspath $(or $(wildcard $(CADGE_COMPAT)/rules/*.yaml),rules/cadge_rules.yaml))
RUST_FILES = $(shell git ls-files '*.rs')
C_FILES = $(shell git ls-files '*.c' '*.h')

.DEFAULT_GOAL := help
.PHONY: help setup setup-test build run test test-python test-go torture kernel-test guest-test bench bench-engine bench-hub bench-integrations bench-sdk fuzz lint stubs stubs-check docs fmt ci

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what building needs (Debian, Ubuntu)
	@scripts/setup.sh build

setup-test: setup ## install what the tests' real counterparts need: Kafka's Java, Python's gRPC
	@scripts/setup.sh test

build: setup ## build the `cadge` command
	$(CARGO) build --release -p cadge

run: build ## watch this machine: hub and sensor on real kernel events, alerts as they come
	@$(SUDO) target/release/cadge up

# One report of all of it: each part runs, whatever became of the one before.
test: setup-test ## all tests that need no privilege (as root also those that do)
	{ status=0; $(CARGO) test --workspace --no-fail-fast || status=1; \
	  $(MAKE) -s --no-print-directory test-python || status=1; \
	  $(MAKE) -s --no-print-directory test-go || status=1; exit $$status; } \
	  2>&1 | tee target/test.log | scripts/test-report.sh

# With the features that the tests of the whole workspace have: nothing is built twice.
BUILD_FOR_TESTS = $(CARGO) build -q --workspace --bins --examples

test-python: setup-test ## the Python SDK: its types, and its tests with a real hub
	@if target/python-sdk/bin/python -c 'import mypy, pytest' 2>/dev/null; \
	 then $(BUILD_FOR_TESTS) && cd sdk-python && ../target/python-sdk/bin/mypy && \
	      CADGE_BIN=$(CURDIR)/target/debug/cadge ../target/python-sdk/bin/pytest -q -rs; \
	 else echo "SKIPPED test-python: target/python-sdk is missing: scripts/setup.sh test makes it"; fi

test-go: setup-test ## the Go SDK: formatting, vet, staticcheck, and its tests with a real hub
	$(BUILD_FOR_TESTS)
	scripts/test-go.sh

torture: setup-test ## 200 rounds of kill -9, cut networks, full disks, torn writes: nobody misses an alert; asks for root
	$(CARGO) test -q -p cadge --test torture --no-run
	$(SUDO) env TORTURE_ROUNDS=$${TORTURE_ROUNDS:-200} $(CARGO) test -q -p cadge --test torture
	$(SUDO) env TORTURE_LOG=kafka TORTURE_ROUNDS=$${TORTURE_KAFKA_ROUNDS:-40} $(CARGO) test -q -p cadge --test torture

kernel-test: setup ## the tests on the live kernel; asks for root
	@scripts/setup.sh kernel
	$(CARGO) test -p cadge-sensor --test kernel --no-run
	$(SUDO) $(CARGO) test -p cadge-sensor --test kernel -- --nocapture 2>&1 | tee target/kernel-test.log | scripts/test-report.sh

guest-test: setup ## the tests on the live kernel, on older and newer ones in QEMU; takes minutes
	@binary=$$($(CARGO) test -p cadge-sensor --test kernel --no-run --message-format=json 2>/dev/null \
	  | sed -n 's/.*"executable":"\([^"]*kernel-[^"]*\)".*/\1/p'); \
	 $(SUDO) env CADGE_COMPAT=$(CADGE_COMPAT) scripts/guest-test.sh "$$binary" $(KERNELS)

target/mix.rec: | build
	$(SUDO) scripts/record-mix.sh $@

bench-engine: target/mix.rec ## what rules cost, on recorded events of this machine at work; asks for root
	$(CARGO) bench -q -p cadge-sensor --bench engine -- $(abspath target/mix.rec) $(BENCH_RULES)

bench-hub: setup ## what a hub carries: rates, delay, memory; takes minutes and 25 GB of disk while it runs
	$(CARGO) bench -q -p cadge-hub --bench hub

bench-integrations: setup-test build ## what integrations carry, beside falcosidekick's figures; takes minutes, and needs Go
	@if command -v go >/dev/null && [ -d $(CADGE_COMPAT)/loadgen ]; \
	 then scripts/bench-integrations.py target/release/cadge $(CADGE_COMPAT) $(CASES); \
	 else echo "bench-integrations: SKIPPED: it needs go and $(CADGE_COMPAT)/loadgen"; fi

bench-sdk: setup-test ## what each SDK reads a second, and its CPU for an alert: the hub on one core, the SDK on another
	$(CARGO) bench -q -p cadge -p cadge-client --bench sdk

bench: build bench-engine bench-hub ## the benchmarks, one figure a line; asks for root
	$(SUDO) $(CARGO) bench -q -p cadge --bench system

fuzz: ## text, events and kernel records that nobody would write, a minute each
	CADGE_FUZZ_SECONDS=60 $(CARGO) test --release -p cadge-engine --test fuzz -- --nocapture --test-threads 1
	CADGE_FUZZ_SECONDS=60 $(CARGO) test --release -p cadge-sensor --test fuzz -- --nocapture
	@if command -v go >/dev/null; then cd sdk-go-stubs && go test -run '^$$' -fuzz FuzzDecode -fuzztime 60s .; \
	 else echo "fuzz: SKIPPED the Go SDK: go is not installed"; fi

lint: setup ## clippy, formatting, dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny check bans licenses sources; \
	 else echo "lint: SKIPPED the dependencies' check: cargo-deny is not installed"; fi

stubs: setup-test ## write the SDKs' generated code for Python and Go, out of proto/
	scripts/stubs.sh

stubs-check: setup-test ## fail if the SDKs' generated code is not what proto/ makes
	@if [ -x target/stubs/bin/protoc-gen-go ]; then scripts/stubs.sh check; \
	 else echo "stubs-check: SKIPPED: the generators are not installed"; fi

docs: ## write integrations/README.md, out of the settings
	$(CARGO) run -q -p cadge -- integrations docs > target/integrations.md
	cp target/integrations.md integrations/README.md

fmt: ## format the code
	$(CARGO) fmt --all

ci: lint stubs-check test kernel-test ## what must pass before a change lands

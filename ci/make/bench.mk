# SPDX-License-Identifier: MIT
# Benchmarks inside the kernel, by ci/lib/bench_command.py. Always the release build.

## COMPARE: `make bench` also measures this git revision and says what got slower
COMPARE ?=
## BENCH: names of benchmarks, separated by commas
BENCH ?= all

.PHONY: bench
bench: ## what operations cost in guest instructions, beside other kernels; writes build/bench.json
	@$(MAKE) -s kernel BUILD=release
	@ci/python ci/lib/bench_command.py --cc '$(CC)' --bench '$(BENCH)' --compare '$(COMPARE)'

.PHONY: idle
idle: ## how much of a host core QEMU uses while 64 CPUs have nothing to do
	@$(MAKE) -s kernel BUILD=release CC=gcc
	@ci/python ci/lib/idle_command.py 64 10

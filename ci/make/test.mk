# SPDX-License-Identifier: MIT
# Tests: ci/lib/test_command.py builds what they run by `make test-programs`, then runs all of it.

## TEST=: run only tests whose name contains this, e.g. TEST=boot; empty: all
TEST ?=

# Each kernel that some test boots.
TEST_KERNELS := gcc-debug gcc-release clang-debug clang-release

.PHONY: test test-kernels $(TEST_KERNELS:%=test-kernel-%)
test: ## all tests, on the host and in QEMU; writes build/junit.xml
	+@ci/python ci/lib/test_command.py $(if $(TEST),-k '$(TEST)')

.PHONY: test-programs
test-programs: host-asan host-fuzz host-tsan host-plain host-explore sim-programs test-kernels

test-kernels: $(TEST_KERNELS:%=test-kernel-%)
$(TEST_KERNELS:%=test-kernel-%): test-kernel-%:
	@$(MAKE) -s kernel iso CC=$(word 1,$(subst -, ,$*)) BUILD=$(word 2,$(subst -, ,$*))

.PHONY: matrix
matrix: ## boot every combination of firmware, CPUs, compiler, build and clock; takes about an hour
	+@MATRIX=full ci/python ci/lib/test_command.py ci/tests/test_matrix.py $(if $(TEST),-k '$(TEST)')

## MINUTES: how long `make soak` lasts, by the kernel's clock
MINUTES ?= 5
## SEED: of what `make soak` does at random; 0: another one in every run
SEED ?= 0

.PHONY: soak
soak: kernel ## torture the kernel for MINUTES on SMP CPUs; prints seed and counts, fails by exit code
	@ci/boot --cc '$(CC)' --build '$(BUILD)' --smp '$(SMP)' --mem '$(MEM)' --firmware pvh \
		--timeout $$(( $(MINUTES) * 180 + 120 )) \
		--cmdline 'sched=$(SCHED) loglevel=0 test=torture torture='$$(( $(MINUTES) * 60 ))' seed=$(SEED) $(CMDLINE)'

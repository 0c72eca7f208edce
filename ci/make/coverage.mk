# SPDX-License-Identifier: MIT
# Coverage of sched/ by its host tests: assertions compiled out, only the library is instrumented.

COV := $(HOST)/cov
COV_CFLAGS := $(filter-out -O1 -DCONFIG_DEBUG,$(HOST_CFLAGS))
COV_SRCS := $(sort $(wildcard sched/*.c))
COV_TESTS := $(sort $(wildcard sched/tests/test_*.c))
COV_HELP := arch/host/assert.c arch/host/percpu.c

.PHONY: coverage
coverage: coverage-programs ## which lines and branches of sched/ the host tests reach
	@ci/python ci/lib/coverage_command.py

.PHONY: coverage-programs
coverage-programs: $(COV_TESTS:%.c=$(COV)/%)

$(COV)/sched/%.c.o: sched/%.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(COV_CFLAGS) -O0 -Dalways_inline=unused --coverage -MMD -MP -c $< -o $@
$(COV)/sched/tests/%.c.o: sched/tests/%.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(COV_CFLAGS) -O1 -MMD -MP -c $< -o $@
$(COV)/arch/%.c.o: arch/%.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(COV_CFLAGS) -O1 -MMD -MP -c $< -o $@
$(COV)/sched/tests/%: $(COV)/sched/tests/%.c.o $(patsubst %,$(COV)/%.o,$(COV_SRCS) $(COV_HELP))
	$(Q)$(HOST_CC) --coverage $^ -o $@ -lcmocka -lpthread

.SECONDARY: $(patsubst %,$(COV)/%.o,$(COV_SRCS) $(COV_TESTS) $(COV_HELP))
-include $(patsubst %,$(COV)/%.d,$(COV_SRCS) $(COV_TESTS) $(COV_HELP))

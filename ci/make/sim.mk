# SPDX-License-Identifier: MIT
# The simulator: build/host/mos-sim, and for tests build/host/asan/mos-sim, which checks everything.
# The objects of the first are optimised and check nothing.

SIM_SRCS := $(sort $(wildcard tools/sim/*.c))
SIM_LIBRARY := $(sort $(wildcard sched/*.c) arch/host/assert.c arch/host/percpu.c)
SIM_CFLAGS := $(filter-out -O1 -DCONFIG_DEBUG -fno-omit-frame-pointer,$(HOST_CFLAGS)) -O2
SIM_OBJS := $(patsubst %,$(HOST)/release/%.o,$(SIM_SRCS) $(SIM_LIBRARY))
SIM_ASAN_OBJS := $(SIM_SRCS:%=$(HOST)/asan/%.o)

.PHONY: sim
sim: $(HOST)/mos-sim ## the simulator of the scheduler, build/host/mos-sim (tools/sim/README.md)

.PHONY: sim-programs
sim-programs: $(HOST)/mos-sim $(HOST)/asan/mos-sim

.PHONY: sim-bench
sim-bench: $(HOST)/mos-sim ## how long the simulator takes for 20,000 tasks on 4,096 CPUs, one second
	@TIMEFORMAT='%U s of CPU time, %R s in all'; \
		time $(HOST)/mos-sim --quiet tools/sim/examples/crowd.yaml

.PHONY: docs-pictures
docs-pictures: $(HOST)/mos-sim ## draw the pictures of docs/policies.md anew
	$(Q)for f in tools/sim/examples/policy-*.yaml; do \
		$(HOST)/mos-sim --svg $$f > docs/pictures/$$(basename $$f .yaml).svg || exit; done

$(HOST)/release/%.c.o: %.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(SIM_CFLAGS) -MMD -MP -c $< -o $@

$(HOST)/mos-sim: $(SIM_OBJS)
	$(Q)$(HOST_CC) $^ -o $@ -lyaml

$(HOST)/asan/mos-sim: $(SIM_ASAN_OBJS) $(HOST)/asan/libkernel.a
	$(Q)$(HOST_CC) $(SAN) $^ -o $@ -lyaml

-include $(SIM_OBJS:.o=.d) $(SIM_ASAN_OBJS:.o=.d)

# SPDX-License-Identifier: MIT
# Explorers (explore_*.c): every place where another CPU may go on is compiled into the scheduler.

EXPLORE := $(HOST)/explore
EXPLORE_CFLAGS := $(filter-out -O1 -DCONFIG_MAX_CPUS=4096,$(HOST_CFLAGS)) -O2 -DCONFIG_MAX_CPUS=64 \
	-include sched/tests/explore_atomics.h
# The explorer of the kernel is its own machine: fibres that are CPUs.
EXPLORE_SRCS := $(filter-out arch/host/fibre.c,$(HOST_SRCS))
EXPLORERS := $(sort $(wildcard */tests/explore_*.c))

.PHONY: host-explore
host-explore: $(EXPLORERS:%.c=$(EXPLORE)/%)

$(EXPLORE)/%.c.o: %.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(EXPLORE_CFLAGS) -MMD -MP -c $< -o $@
$(EXPLORE)/libkernel.a: $(EXPLORE_SRCS:%=$(EXPLORE)/%.o)
	$(Q)rm -f $@ && ar rcs $@ $^
$(EXPLORE)/%: $(EXPLORE)/%.c.o $(EXPLORE)/libkernel.a
	$(Q)$(HOST_CC) $^ -o $@ -lcmocka

.SECONDARY: $(EXPLORE_SRCS:%=$(EXPLORE)/%.o) $(EXPLORERS:%=$(EXPLORE)/%.o)
-include $(patsubst %,$(EXPLORE)/%.d,$(EXPLORE_SRCS) $(EXPLORERS))

# SPDX-License-Identifier: MIT
# Host programs from kernel sources: unit and property tests under ASan and UBSan (test_*.c, with
# cmocka), fuzzers (fuzz_*.c, libFuzzer), real-thread stress under ThreadSanitizer (stress_*.c).

HOST_CC := gcc
HOST_CFLAGS := -std=gnu17 -O1 -g -fno-omit-frame-pointer -I. -Iarch/host/include \
	-DCONFIG_MAX_CPUS=4096 -DCONFIG_DEBUG $(filter-out -Wframe-larger-than=1024,$(WARNINGS))

# Sources that compile for every machine; a test program takes from the archive what it needs.
HOST_SRCS := $(sort $(wildcard sched/*.c arch/host/*.c) \
	$(filter-out mm/kstack%.c mm/tlb.c,$(wildcard mm/*.c)) \
	$(wildcard kernel/cmdline.c kernel/params.c kernel/format.c kernel/log_ring.c) \
	$(wildcard $(addprefix kernel/,dispatch.c wait.c mutex*.c recursive_mutex.c \
		callers.c semaphore.c condvar.c completion.c rwlock.c barrier.c event_flags.c \
		message_queue.c futex.c wait_show.c lockdep.c lockstat.c timer.c idle.c entry.c trace.c trace_export.c \
		debug_page.c id_table.c limits.c process*.c scheduler.c thread*.c watch*.c)) \
	$(wildcard kernel/cpu_offline.c kernel/monitor_line.c kernel/monitor_args.c) \
	$(wildcard boot/parse_*.c arch/x86_64/parse_*.c) \
	$(addprefix arch/x86_64/,glyphs.c screen.c screen_pixels.c))

# What fuzzers and stress programs need of it: no threads.
HOST_SRCS_FUZZ := $(filter-out mm/% kernel/%,$(HOST_SRCS)) \
	$(filter kernel/cmdline.c kernel/params.c kernel/format.c kernel/monitor_line.c \
		kernel/monitor_args.c,$(HOST_SRCS))
HOST_SRCS_TSAN := $(filter sched/% mm/% arch/host/% kernel/format.c,$(HOST_SRCS))

HOST_TESTS := $(sort $(wildcard */tests/test_*.c arch/*/tests/test_*.c))
HOST_FUZZERS := $(sort $(wildcard */tests/fuzz_*.c arch/*/tests/fuzz_*.c))
HOST_STRESS := $(sort $(wildcard */tests/stress_*.c arch/*/tests/stress_*.c))

# $(1) flavour, $(2) compiler, $(3) sanitizer flags for objects, $(4) for links, $(5) programs,
# $(6) sources of the archive
define host_flavour
$(HOST)/$(1)/%.c.o: %.c
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(HOST_CFLAGS) $(3) -MMD -MP -c $$< -o $$@
$(HOST)/$(1)/libkernel.a: $(6:%=$(HOST)/$(1)/%.o)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
$(HOST)/$(1)/%: $(HOST)/$(1)/%.c.o $(HOST)/$(1)/libkernel.a
	$$(Q)$(2) $(4) $$^ -o $$@ -lcmocka -lpthread
.SECONDARY: $(6:%=$(HOST)/$(1)/%.o) $(5:%=$(HOST)/$(1)/%.o)
.PHONY: host-$(1)
host-$(1): $(5:%.c=$(HOST)/$(1)/%)
-include $(patsubst %,$(HOST)/$(1)/%.d,$(6) $(5))
endef

SAN := -fsanitize=address,undefined -fno-sanitize-recover=all
$(eval $(call host_flavour,asan,$(HOST_CC),$(SAN),$(SAN),$(HOST_TESTS),$(HOST_SRCS)))
$(eval $(call host_flavour,fuzz,clang,-fsanitize=fuzzer-no-link $(SAN),-fsanitize=fuzzer $(SAN),$(HOST_FUZZERS),$(HOST_SRCS_FUZZ)))
# gcc warns that it does not follow fences; no stress program relies on one.
$(eval $(call host_flavour,tsan,$(HOST_CC),-fsanitize=thread -Wno-tsan,-fsanitize=thread,$(HOST_STRESS),$(HOST_SRCS_TSAN)))

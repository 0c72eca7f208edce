# SPDX-License-Identifier: MIT
# Running and debugging in QEMU, by ci/lib/run_command.py.

## SMP: CPUs, or QEMU's sockets=…,cores=…
SMP ?= 4
## MEM: memory
MEM ?= 512M
## SCHED: system algorithm, one of sched/policies.def
SCHED ?= rr
## FIRMWARE: bios or uefi boot the ISO by GRUB, pvh the ELF file directly
FIRMWARE ?= bios
## CMDLINE: more of the kernel's command line, e.g. CMDLINE="cpus=2 loglevel=3"
CMDLINE ?=
## ICOUNT: 1 = deterministic virtual time, idle time is skipped
ICOUNT ?= 0
## GDB: 1 = `make run` waits for `make gdb` to start it
GDB ?= 0
## ACCEL: QEMU's accelerator
ACCEL ?= tcg
## RUN: which machine `make gdb` and `make console` take; empty: the newest
RUN ?=
## GDBFLAGS: more arguments for gdb, e.g. GDBFLAGS="-ex 'mos threads'"
GDBFLAGS ?=
## PROXY: 1 = `make debug` and `make gdb` show every kernel thread as a gdb thread
PROXY ?= 0

## CORE: 1 = `make run` writes a core file at a panic; `make gdb CORE=FILE` reads one
CORE ?=

## TRACE: file that `make run` writes the trace to; tools/mos-trace reads it
TRACE ?=

$(call one_of,FIRMWARE,bios uefi pvh)
$(call one_of,ICOUNT,0 1)
$(call one_of,GDB,0 1)
$(call one_of,PROXY,0 1)

BOOTED = $(if $(filter pvh,$(FIRMWARE)),kernel,iso)
RUN_COMMAND = ci/python ci/lib/run_command.py
MACHINE = --out '$(OUT)' --smp '$(SMP)' --mem '$(MEM)' --sched '$(SCHED)' --firmware '$(FIRMWARE)' \
	--cmdline=$(call shell_word,$(CMDLINE)) --icount '$(ICOUNT)' --accel '$(ACCEL)'

.PHONY: run debug gdb console core
run: $(BOOTED) ## boot in QEMU, serial console in this terminal, Ctrl-A x leaves
	@$(RUN_COMMAND) run $(MACHINE) --gdb '$(GDB)' --core '$(CORE)' --trace='$(TRACE)'

debug: $(BOOTED) ## boot in QEMU, stopped at kernel_main, gdb in this terminal
	@$(RUN_COMMAND) debug $(MACHINE) --proxy '$(PROXY)' --gdbflags=$(call shell_word,$(GDBFLAGS))

gdb: ## gdb on a running machine, or on a core file
	@$(RUN_COMMAND) gdb --run '$(RUN)' --proxy '$(PROXY)' --core='$(CORE)' --gdbflags=$(call shell_word,$(GDBFLAGS))

.PHONY: gdb-reference
gdb-reference: ## write docs/gdb-commands.md from the help of the gdb commands
	$(Q)gdb -nx -batch -x gdb/multios.py -x gdb/reference.py > build/gdb-commands.md && \
		mv build/gdb-commands.md docs/gdb-commands.md

console: ## the console of a machine that `make debug` started
	@$(RUN_COMMAND) console --run '$(RUN)'

core: ## write a core file of a running machine, with every thread of the kernel, to build/cores
	@$(RUN_COMMAND) core --run '$(RUN)'

# One word for the shell, whatever is in it.
shell_word = '$(subst ','\'',$(1))'

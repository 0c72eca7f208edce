/* SPDX-License-Identifier: MIT */
/*
 * Starting the other CPUs, interrupting them, stopping them.
 *
 * All are started at once: INIT to each, 10 ms, a start IPI to each, and a second one to those that
 * have not answered a while later (Intel SDM volume 3, 9.4.4). A CPU answers by moving its state
 * from STARTING to STARTED; the boot CPU moves it from STARTING to ABANDONED when it gives up.
 * Only one of the two moves can happen, so a CPU that answers too late stops by itself.
 *
 * Every wait has a limit in TSC time and a pause in its loop: with instruction counting, and with
 * more virtual CPUs than cores, the others run only while this one pauses.
 */
#include "arch/x86_64/smp_private.h"

#include "arch/x86_64/apic.h"
#include "arch/x86_64/clock.h"
#include "arch/x86_64/control.h"
#include "arch/x86_64/apic_timer.h"
#include "arch/x86_64/trap.h"
#include "boot/boot_info.h"
#include "kernel/assert.h"
#include "kernel/entry.h"
#include "kernel/log.h"
#include "kernel/params.h"
#include "kernel/percpu.h"
#include "kernel/string.h"
#include <arch/cpu.h>
#include <arch/init.h>
#include <arch/irq.h>
#include <arch/memory.h>
#include <arch/time.h>

#define INIT_DELAY         (10 * NSEC_PER_MSEC)
#define SECOND_START_DELAY (20 * NSEC_PER_MSEC)
#define ANSWER_LIMIT       (5 * NSEC_PER_SEC) /* a virtual CPU may wait seconds for a core */
#define STOP_LIMIT         (5 * NSEC_PER_SEC)
#define STOP_STEP          (10 * NSEC_PER_MSEC)

enum smp_state { CPU_ABSENT, CPU_STARTING, CPU_STARTED, CPU_ABANDONED };

struct smp_cpu {
	_Atomic unsigned state; /* (a) enum smp_state */
	_Atomic bool stopped;   /* (a) it is in arch_cpu_stop() for good */
	_Atomic bool asked;     /* (a) ARCH_IPI_SHOW is under way to it */
	uint64_t tsc;           /* (c) once STARTED: its counter when it answered */
};

static struct smp_cpu smp_cpus[CONFIG_MAX_CPUS];
static _Atomic unsigned smp_started_count;
static _Atomic unsigned smp_stopper = CONFIG_MAX_CPUS; /* (a) the CPU that stops all others */

void *smp_stack[CONFIG_MAX_CPUS];
uint64_t smp_page_table;

bool arch_smp_started(unsigned cpu)
{
	return cpu < CONFIG_MAX_CPUS &&
		atomic_load_explicit(&smp_cpus[cpu].state, memory_order_acquire) == CPU_STARTED;
}

/* --- a place for the trampoline ------------------------------------------------------------- */

/* Its pages: code, then the three levels of tables that map it where it is. */
enum trampoline_page { PAGE_CODE, PAGE_PML4, PAGE_PDPT, PAGE_PD, TRAMPOLINE_PAGES };

#define LOW_START    0x1000ull /* the first page is the firmware's data area */
#define LOW_END      0xa0000ull
#define ENTRY_TABLE  3u    /* present, writable */
#define ENTRY_LARGE  0x83u /* present, writable, 2 MiB */
#define ENTRIES      512u
#define CODE_SEGMENT 0x00209b0000000000ull /* 64-bit, ring 0, accessed */

static paddr_t trampoline_at; /* (c) 0: there is no room */

/* The memory map's usable ranges exclude the image, modules and the loader's tables. */
static paddr_t find_low_pages(const struct boot_info *boot)
{
	for (unsigned i = 0; i < boot->range_count; i++) {
		const struct boot_range *r = &boot->range[i];
		paddr_t start = ALIGN_UP(MAX(r->start, LOW_START), (paddr_t)ARCH_PAGE_SIZE);
		paddr_t end = MIN(r->start + r->size, LOW_END);

		if (r->kind == BOOT_USABLE && start + TRAMPOLINE_PAGES * ARCH_PAGE_SIZE <= end)
			return start;
	}
	return 0;
}

static paddr_t page_address(enum trampoline_page page)
{
	return trampoline_at + page * ARCH_PAGE_SIZE;
}

/* The kernel's half of the address space, and the first 2 MiB where they are. */
static void fill_tables(char *pages)
{
	uint64_t *pml4 = (uint64_t *)(pages + PAGE_PML4 * ARCH_PAGE_SIZE);
	uint64_t *pdpt = (uint64_t *)(pages + PAGE_PDPT * ARCH_PAGE_SIZE);
	uint64_t *pd = (uint64_t *)(pages + PAGE_PD * ARCH_PAGE_SIZE);
	const uint64_t *kernel = phys_to_virt(smp_page_table);

	memset(pml4, 0, (TRAMPOLINE_PAGES - PAGE_PML4) * ARCH_PAGE_SIZE);
	memcpy(pml4 + ENTRIES / 2, kernel + ENTRIES / 2, ENTRIES / 2 * sizeof(*pml4));
	pml4[0] = page_address(PAGE_PDPT) | ENTRY_TABLE;
	pdpt[0] = page_address(PAGE_PD) | ENTRY_TABLE;
	pd[0] = ENTRY_LARGE;
}

static_assert(offsetof(struct trampoline_values, cr0) + TRAMPOLINE_VALUES == TRAMPOLINE_CR0, "cr0");
static_assert(offsetof(struct trampoline_values, cr3) + TRAMPOLINE_VALUES == TRAMPOLINE_CR3, "cr3");
static_assert(offsetof(struct trampoline_values, cr4) + TRAMPOLINE_VALUES == TRAMPOLINE_CR4, "cr4");
static_assert(
	offsetof(struct trampoline_values, efer) + TRAMPOLINE_VALUES == TRAMPOLINE_EFER, "efer");
static_assert(
	offsetof(struct trampoline_values, far_address) + TRAMPOLINE_VALUES == TRAMPOLINE_FAR_JUMP,
	"far jump");
static_assert(
	offsetof(struct trampoline_values, entry) + TRAMPOLINE_VALUES == TRAMPOLINE_ENTRY, "entry");
static_assert(offsetof(struct trampoline_values, gdt) + TRAMPOLINE_VALUES == TRAMPOLINE_GDT, "gdt");

/* The boot CPU's modes, as far as they can be set before long mode. */
static struct trampoline_values fill_values(void)
{
	return (struct trampoline_values){
		.gdt_limit = sizeof(((struct trampoline_values *)0)->gdt) - 1,
		.gdt_address = (uint32_t)trampoline_at + TRAMPOLINE_GDT,
		.cr0 = (uint32_t)cr0_read(),
		.cr3 = (uint32_t)page_address(PAGE_PML4),
		.cr4 = (uint32_t)cr4_read() & (CR4_PAE | CR4_PAGE_GLOBAL),
		.efer = (uint32_t)msr_read(MSR_EFER) & ~EFER_LONG_MODE_ACTIVE,
		.far_address =
			(uint32_t)(trampoline_at + (trampoline_long_mode - trampoline_start)),
		.far_selector = TRAMPOLINE_CODE_SELECTOR,
		.entry = (uintptr_t)smp_ap_entry,
		.gdt = {0, CODE_SEGMENT},
	};
}

static void place_trampoline(void)
{
	char *pages = phys_to_virt(trampoline_at);
	struct trampoline_values values = fill_values();

	KASSERT(trampoline_end - trampoline_start <= TRAMPOLINE_VALUES);
	smp_page_table = cr3_read();
	memcpy(pages, trampoline_start, (size_t)(trampoline_end - trampoline_start));
	memcpy(pages + TRAMPOLINE_VALUES, &values, sizeof(values));
	fill_tables(pages);
}

/* --- starting ------------------------------------------------------------------------------- */

/* The first C code of every other CPU: on its stack, with its per-CPU area, interrupts off. */
void smp_ap_main(unsigned cpu)
{
	struct smp_cpu *self = &smp_cpus[cpu];
	unsigned expected = CPU_STARTING;

	arch_init_cpu();
	apic_init_cpu();
	apic_timer_init_cpu();
	self->tsc = tsc_read();
	if (!atomic_compare_exchange_strong(&self->state, &expected, CPU_STARTED))
		arch_cpu_stop();
	atomic_fetch_add(&smp_started_count, 1);
	kernel_ap_main();
}

static void send_to_waiting(uint32_t command)
{
	for (unsigned cpu = 1; cpu < smp_count; cpu++)
		if (atomic_load(&smp_cpus[cpu].state) == CPU_STARTING)
			apic_send(smp_hardware_id[cpu], command);
}

/*
 * True when `count` CPUs run; false when none has answered for as long as the limit. The limit is
 * not for all together: with instruction counting QEMU's clock jumps 20 ms whenever a CPU is reset.
 */
static bool wait_for_answers(unsigned count, ktime_t limit)
{
	unsigned seen = 0, now;
	ktime_t end = 0;

	while ((now = atomic_load(&smp_started_count)) < count) {
		if (now > seen)
			end = arch_time_now() + limit;
		else if (arch_time_now() > end)
			return false;
		seen = now;
		arch_cpu_relax();
	}
	return true;
}

/* Gives every probed CPU its stack. Returns how many CPUs are to run, this one included. */
static unsigned prepare_cpus(void)
{
	unsigned ready = 1;

	for (unsigned cpu = 1; cpu < smp_count; cpu++) {
		smp_stack[cpu] = entry_ap_stack(cpu);
		if (!smp_stack[cpu] || !percpu_offset[cpu]) {
			log_warn("SMP: CPU %u left out: out of memory", cpu);
			continue;
		}
		atomic_store(&smp_cpus[cpu].state, CPU_STARTING);
		ready++;
	}
	return ready;
}

static void abandon_silent(void)
{
	for (unsigned cpu = 1; cpu < smp_count; cpu++) {
		unsigned expected = CPU_STARTING;

		if (atomic_compare_exchange_strong(&smp_cpus[cpu].state, &expected, CPU_ABANDONED))
			log_warn("SMP: CPU %u (APIC id %u) does not answer; left out", cpu,
				smp_hardware_id[cpu]);
	}
}

/* Each counter was read between two readings of this CPU's; anything else is a broken clock. */
static void check_counters(uint64_t before, uint64_t after)
{
	for (unsigned cpu = 1; cpu < smp_count; cpu++) {
		uint64_t tsc = smp_cpus[cpu].tsc;

		if (arch_smp_started(cpu) && (tsc < before || tsc > after))
			log_warn(
				"SMP: CPU %u's time-stamp counter is %lld ticks away from CPU 0's; "
				"times will not be comparable",
				cpu, (long long)(tsc - (tsc < before ? before : after)));
	}
}

static void start_prepared(unsigned ready)
{
	uint64_t before = tsc_read();

	place_trampoline();
	send_to_waiting(APIC_COMMAND_INIT);
	arch_delay(INIT_DELAY);
	send_to_waiting(APIC_COMMAND_START | (uint32_t)(trampoline_at / ARCH_PAGE_SIZE));
	if (!wait_for_answers(ready, SECOND_START_DELAY)) {
		send_to_waiting(APIC_COMMAND_START | (uint32_t)(trampoline_at / ARCH_PAGE_SIZE));
		if (!wait_for_answers(ready, ANSWER_LIMIT))
			abandon_silent();
	}
	check_counters(before, tsc_read());
}

unsigned arch_smp_start_all(void)
{
	unsigned ready;

	KASSERT(arch_cpu_id() == 0);
	if (smp_count > 1 && !trampoline_at) {
		log_warn(
			"SMP: no 16 KiB of usable memory in 0x%llx-0x%llx; using the boot CPU only",
			LOW_START, LOW_END);
		return 1;
	}
	ready = prepare_cpus();
	if (ready > 1)
		start_prepared(ready);
	return atomic_load(&smp_started_count);
}

/* --- IPIs ----------------------------------------------------------------------------------- */

static_assert(VECTOR_RESCHED + ARCH_IPI_CALL == VECTOR_CALL, "vectors follow enum arch_ipi");
static_assert(VECTOR_RESCHED + ARCH_IPI_TLB == VECTOR_TLB, "vectors follow enum arch_ipi");

static void ipi_interrupt(struct arch_frame *frame, void *kind)
{
	(void)frame;
	apic_eoi();
	entry_ipi((unsigned)(uintptr_t)kind);
}

void arch_ipi_send(unsigned cpu, enum arch_ipi kind)
{
	KASSERT(arch_smp_started(cpu) && kind < ARCH_IPI_COUNT);
	if (kind == ARCH_IPI_SHOW)
		atomic_store(&smp_cpus[cpu].asked, true);
	if (kind >= ARCH_IPI_HALT)
		apic_send(smp_hardware_id[cpu], APIC_COMMAND_NMI);
	else
		apic_send(smp_hardware_id[cpu],
			APIC_COMMAND_FIXED | (VECTOR_RESCHED + (uint32_t)kind));
	if (kernel_params.turns)
		arch_cpu_relax();
}

/* --- stopping ------------------------------------------------------------------------------- */

void arch_smp_stop_here(const struct arch_frame *frame)
{
	struct smp_cpu *cpu = &smp_cpus[arch_cpu_id()];

	if (!atomic_load(&cpu->stopped))
		entry_stop(frame);
	atomic_store(&cpu->stopped, true);
	arch_cpu_stop();
}

/*
 * To stop or, if nobody stops all, to show; also the answer to an NMI from outside, a "stop and
 * tell" button: QEMU's inject-nmi.
 */
static void nmi_interrupt(struct arch_frame *frame, void *arg)
{
	unsigned stopper = atomic_load(&smp_stopper);

	(void)arg;
	if (stopper == arch_cpu_id())
		return;
	if (stopper == CONFIG_MAX_CPUS && atomic_exchange(&smp_cpus[arch_cpu_id()].asked, false)) {
		entry_show(frame);
		return;
	}
	if (stopper == CONFIG_MAX_CPUS)
		entry_fault(frame, "NMI from outside");
	arch_smp_stop_here(frame);
}

static unsigned count_unstopped(unsigned self)
{
	unsigned count = 0;

	for (unsigned cpu = 0; cpu < smp_count; cpu++)
		count += cpu != self && arch_smp_started(cpu) &&
			!atomic_load(&smp_cpus[cpu].stopped);
	return count;
}

/*
 * Gives up when none has stopped for as long as the limit. One look adds no more than STOP_STEP: if
 * a busy host let this virtual CPU wait longer, it did not let the others run either.
 */
static void wait_for_stops(unsigned self)
{
	unsigned count, before = CONFIG_MAX_CPUS;
	ktime_t last = arch_time_now(), waited = 0;

	while ((count = count_unstopped(self)) && waited < STOP_LIMIT) {
		ktime_t now = arch_time_now();

		waited = count < before ? 0 : waited + MIN(now - last, STOP_STEP);
		before = count;
		last = now;
		arch_cpu_relax();
	}
}

/* The second of two CPUs that stop each other is stopped by the first one's NMI. */
void arch_smp_stop_others(void)
{
	unsigned self = arch_cpu_id(), nobody = CONFIG_MAX_CPUS;

	if (!atomic_compare_exchange_strong(&smp_stopper, &nobody, self) && nobody != self)
		arch_cpu_stop();
	for (unsigned cpu = 0; cpu < smp_count; cpu++)
		if (cpu != self && arch_smp_started(cpu))
			apic_send(smp_hardware_id[cpu], APIC_COMMAND_NMI);
	wait_for_stops(self);
}

/* --- set-up --------------------------------------------------------------------------------- */

void smp_init(const struct boot_info *boot)
{
	trampoline_at = find_low_pages(boot);
	smp_add_boot_cpu();
	atomic_store(&smp_cpus[0].state, CPU_STARTED);
	atomic_store(&smp_started_count, 1);
	trap_set_handler(VECTOR_NMI, nmi_interrupt, NULL);
	for (unsigned kind = ARCH_IPI_RESCHED; kind <= ARCH_IPI_TLB; kind++)
		trap_set_handler(VECTOR_RESCHED + kind, ipi_interrupt, (void *)(uintptr_t)kind);
}

/* SPDX-License-Identifier: MIT */
/* What the kernel says of itself. Clock and protection report themselves in the log meanwhile. */
#include "kernel/banner.h"
#include "boot/boot_info.h"
#include "kernel/log.h"
#include "kernel/params.h"
#include "kernel/thread.h"
#include "mm/frame.h"
#include <arch/cpu.h>
#include <arch/time.h>

#define PAGES_PER_MIB  ((1ul << 20) / ARCH_PAGE_SIZE)
#define BUILD_ID_SHOWN 6 /* bytes, of 20 */

#ifdef __clang__
#define COMPILER "" /* its version text begins with its name */
#else
#define COMPILER "gcc "
#endif

/* An ELF note: three words of sizes and type, the name "GNU", the id. */
extern const struct {
	uint32_t name_size, id_size, type;
	char name[4];
	uint8_t id[];
} __build_id;

void banner_hello(const struct boot_info *boot)
{
	console_printf("\nMultiOS " BANNER_VERSION ", %s build ", KASSERT_ON ? "debug" : "release");
	for (unsigned i = 0; i < BUILD_ID_SHOWN; i++)
		console_printf("%02x", __build_id.id[i]);
	console_printf(", " COMPILER __VERSION__ ", started by %s%s\n", boot->loader_name,
		boot->efi ? " on UEFI" : "");
}

void banner_machine(void)
{
	const struct sched_config *config = &scheduler.config;
	unsigned cpus = atomic_load(&scheduler.nr_online);
	ktime_t now = arch_time_now();
	struct frame_stats memory;

	frame_get_stats(&memory);
	console_printf("%u CPU%s, %llu MiB of memory, %llu MiB free, up in %lld.%03lld ms\n", cpus,
		cpus == 1 ? "" : "s", (unsigned long long)(memory.total / PAGES_PER_MIB),
		(unsigned long long)(memory.free / PAGES_PER_MIB), now / NSEC_PER_MSEC,
		now / NSEC_PER_USEC % 1000);
	console_printf("Scheduler %s: quantum %lld ms, balancing %s, affinity %s; trace %s\n",
		sched_policy_name(config->algorithm), config->quantum / NSEC_PER_MSEC,
		config->balancing ? "on" : "off", config->affinity ? "on" : "off",
		kernel_params.trace ? "on" : "off");
}

void banner_try(void)
{
	console_printf(
		"\nThree things to try:\n"
		"  spawn spinner 8    eight threads that compute without end\n"
		"  top                who uses the CPUs, live; q leaves\n"
		"  help               all commands; and `make gdb` in a second terminal\n\n");
}

/* SPDX-License-Identifier: MIT */
/*
 * Protection features: found by CPUID, turned on on every CPU, told on the console. Nothing here
 * is assumed: QEMU's default CPU has only NX.
 */
#include "arch/x86_64/control.h"
#include "arch/x86_64/features.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/instructions.h"
#include "kernel/format.h"
#include "kernel/log.h"
#include <arch/init.h>

#define CPUID_FEATURES            7u
#define CPUID_EXTENDED_MAX        0x80000000u
#define CPUID_EXTENDED            0x80000001u
#define CPUID_EXTENDED_EDX_NX     (1u << 20)
#define CPUID_7_EBX_SMEP          (1u << 7)
#define CPUID_7_EBX_SMAP          (1u << 20)
#define CPUID_7_ECX_UMIP          (1u << 2)
#define CPUID_1_EDX_MACHINE_CHECK (1u << 7)

static const char *const names[FEATURE_COUNT] = {
	[FEATURE_NX] = "NX",
	[FEATURE_WP] = "WP",
	[FEATURE_SMEP] = "SMEP",
	[FEATURE_SMAP] = "SMAP",
	[FEATURE_UMIP] = "UMIP",
};

static uint64_t available_cr4(void)
{
	struct cpuid r;
	uint64_t bits = 0;

	if (cpuid(0, 0).eax < CPUID_FEATURES)
		return 0;
	r = cpuid(CPUID_FEATURES, 0);
	if (r.ebx & CPUID_7_EBX_SMEP)
		bits |= CR4_SMEP;
	if (r.ebx & CPUID_7_EBX_SMAP)
		bits |= CR4_SMAP;
	if (r.ecx & CPUID_7_ECX_UMIP)
		bits |= CR4_UMIP;
	return bits;
}

/* Without it a machine check resets the machine instead of being reported. */
static uint64_t machine_check_cr4(void)
{
	return cpuid(1, 0).edx & CPUID_1_EDX_MACHINE_CHECK ? CR4_MACHINE_CHECK : 0;
}

static bool has_nx(void)
{
	return cpuid(CPUID_EXTENDED_MAX, 0).eax >= CPUID_EXTENDED &&
		cpuid(CPUID_EXTENDED, 0).edx & CPUID_EXTENDED_EDX_NX;
}

void features_init_cpu(void)
{
	if (has_nx())
		msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_NX);
	cr0_write(cr0_read() | CR0_WRITE_PROTECT);
	cr4_write(cr4_read() | CR4_DEBUG_EXTENSIONS | machine_check_cr4() | available_cr4());
}

bool feature_on(enum feature feature)
{
	switch (feature) {
	case FEATURE_NX:
		return msr_read(MSR_EFER) & EFER_NX;
	case FEATURE_WP:
		return cr0_read() & CR0_WRITE_PROTECT;
	case FEATURE_SMEP:
		return cr4_read() & CR4_SMEP;
	case FEATURE_SMAP:
		return cr4_read() & CR4_SMAP;
	case FEATURE_UMIP:
		return cr4_read() & CR4_UMIP;
	case FEATURE_COUNT:
		break;
	}
	return false;
}

/* Names of the features that are on, or of those that are off; "none". */
static const char *list_features(bool on, char *buf, size_t size)
{
	size_t used = 0;

	for (unsigned i = 0; i < FEATURE_COUNT && used < size; i++) {
		if (feature_on((enum feature)i) == on)
			used += (size_t)format_string(
				buf + used, size - used, "%s%s", used ? " " : "", names[i]);
	}
	return used ? buf : "none";
}

void arch_report_features(void)
{
	char on[32], missing[32];

	log_info("protection: on %s; missing %s", list_features(true, on, sizeof(on)),
		list_features(false, missing, sizeof(missing)));
	log_info("FPU registers by %s, %zu bytes for a thread that uses them", fpu_method(),
		fpu_area_size());
}

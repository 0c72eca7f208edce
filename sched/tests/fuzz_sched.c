/* SPDX-License-Identifier: MIT */
/*
 * The operations of the property tests, chosen by libFuzzer: byte 0 the number of CPUs and the
 * algorithm, then 6 bytes an operation. Every invariant is checked after each one.
 */
#include "sched/tests/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	machine_start_algorithm(
		1 + data[0] % MACHINE_CPUS, (data[0] >> 3 & 0xf) % SCHED_ALGORITHM_COUNT);
	m.bounds = data[0] & 0x80;
	for (size_t at = 1; at + 6 <= size; at += 6) {
		uint64_t r = 0;

		memcpy(&r, data + at, 6);
		machine_random_operation(r);
		machine_check();
	}
	return 0;
}

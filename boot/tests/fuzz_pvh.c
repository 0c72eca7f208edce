/* SPDX-License-Identifier: MIT */
/* Fuzzes the PVH parser: the input is all memory there is, beginning with the start information. */
#include "boot/tests/check.h"

#define START 0x1000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct boot_info info;
	static struct boot_ranges ranges;
	static struct boot_problem problem;
	const struct boot_window window = {data, START, size};
	int err;

	memset(&info, 0, sizeof(info));
	ranges.count = 0;
	problem.text[0] = '\0';
	err = parse_pvh(&window, START, &ranges, &info, &problem);
	if (!err)
		err = ranges_finish(&ranges, &info, &problem);
	if (!err)
		err = ranges_check_reach(&info, 1ull << 40, &problem);
	check_result(err, &info, &problem);
	return 0;
}

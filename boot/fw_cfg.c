/* SPDX-License-Identifier: MIT */
/*
 * QEMU's firmware configuration device (QEMU, docs/specs/fw_cfg.rst), by its oldest interface:
 * write a key to one port, read the item's bytes from the other. Numbers are big-endian.
 */
#include "boot/fw_cfg.h"
#include "arch/x86_64/instructions.h"
#include "kernel/string.h"

#define PORT_SELECT   0x510
#define PORT_DATA     0x511
#define KEY_SIGNATURE 0x0000
#define KEY_DIRECTORY 0x0019
#define DIRECTORY_MAX 1024 /* a sane device has some dozens */
#define NAME_SIZE     56

struct entry {
	uint32_t size;
	uint16_t key;
	char name[NAME_SIZE];
};

static void select(uint16_t key)
{
	out16(PORT_SELECT, key);
}

static void read_bytes(void *to, size_t size)
{
	uint8_t *bytes = to;

	for (size_t i = 0; i < size; i++)
		bytes[i] = in8(PORT_DATA);
}

static uint32_t read_number(unsigned size)
{
	uint32_t n = 0;
	uint8_t byte;

	while (size--) {
		read_bytes(&byte, 1);
		n = n << 8 | byte;
	}
	return n;
}

static bool present(void)
{
	char signature[4];

	select(KEY_SIGNATURE);
	read_bytes(signature, sizeof(signature));
	return !memcmp(signature, "QEMU", sizeof(signature));
}

static void read_entry(struct entry *e)
{
	e->size = read_number(4);
	e->key = (uint16_t)read_number(2);
	read_number(2);
	read_bytes(e->name, sizeof(e->name));
	e->name[NAME_SIZE - 1] = '\0';
}

static bool find(const char *name, struct entry *e)
{
	uint32_t count;

	select(KEY_DIRECTORY);
	count = read_number(4);
	for (uint32_t i = 0; i < MIN(count, DIRECTORY_MAX); i++) {
		read_entry(e);
		if (!strcmp(e->name, name))
			return true;
	}
	return false;
}

size_t fw_cfg_read(const char *name, char *to, size_t size)
{
	struct entry e;
	size_t copied;

	*to = '\0';
	if (!present() || !find(name, &e))
		return 0;
	select(e.key);
	copied = MIN(e.size, size - 1);
	read_bytes(to, copied);
	to[copied] = '\0';
	return e.size;
}

/* SPDX-License-Identifier: MIT */
/*
 * A YAML or JSON file as nodes that know their line and column; strict, and every error ends the
 * program with code 2. JSON is read as the part of YAML that it is.
 */
#ifndef TOOLS_SIM_DOCUMENT_H
#define TOOLS_SIM_DOCUMENT_H

#include "kernel/types.h"
#include <yaml.h>

struct document {
	const char *path;
	yaml_document_t yaml;
};

/* One key of a mapping: `read` stores its value in what document_mapping() was given. */
struct document_field {
	const char *name;
	void (*read)(struct document *d, yaml_node_t *value, void *into);
	bool required;
};

/* Reads the file; returns its outermost node. */
yaml_node_t *document_read(struct document *d, const char *path);
void document_free(struct document *d);

/* Prints file:line:column and the text, exits with 2. */
__noreturn __printf(3, 4) void document_fail(
	const struct document *d, const yaml_node_t *at, const char *text, ...);

/* Calls the reader of each key that is there. Unknown, repeated and missing keys are errors. */
void document_mapping(struct document *d, yaml_node_t *node, const char *what,
	const struct document_field *fields, unsigned count, void *into);

/* The value of a key of a mapping, or NULL. */
yaml_node_t *document_find(struct document *d, yaml_node_t *node, const char *key);

/* The number of items; an error when it is no list or an empty one. */
unsigned document_list(struct document *d, yaml_node_t *node, const char *what);
yaml_node_t *document_item(struct document *d, yaml_node_t *node, unsigned index);

/* `what` names the value in the error. */
const char *document_text(struct document *d, yaml_node_t *node, const char *what);
uint64_t document_number(
	struct document *d, yaml_node_t *node, const char *what, uint64_t least, uint64_t most);
bool document_bool(struct document *d, yaml_node_t *node, const char *what);

#endif

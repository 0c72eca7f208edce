/* SPDX-License-Identifier: MIT */
/* The file and its nodes, by libyaml, which knows where each node begins. */
#include "tools/sim/document.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static __noreturn __printf(4, 0) void fail_at(
	const struct document *d, size_t line, size_t column, const char *text, va_list arguments)
{
	fprintf(stderr, "%s:%zu:%zu: ", d->path, line + 1, column + 1);
	vfprintf(stderr, text, arguments);
	fputc('\n', stderr);
	exit(2);
}

static __noreturn __printf(4, 5) void fail_in(
	const struct document *d, size_t line, size_t column, const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	fail_at(d, line, column, text, arguments);
}

void document_fail(const struct document *d, const yaml_node_t *at, const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	fail_at(d, at->start_mark.line, at->start_mark.column, text, arguments);
}

/* --- the file -------------------------------------------------------------------------------- */

static void load(struct document *d, yaml_parser_t *parser, yaml_document_t *yaml)
{
	if (yaml_parser_load(parser, yaml))
		return;
	if (parser->error == YAML_MEMORY_ERROR)
		fail_in(d, 0, 0, "no memory for a file of this size");
	if (parser->error == YAML_READER_ERROR)
		fail_in(d, 0, 0, "expected text in UTF-8: %s at byte %zu", parser->problem,
			parser->problem_offset);
	fail_in(d, parser->problem_mark.line, parser->problem_mark.column,
		"expected JSON or YAML: %s%s%s", parser->context ? parser->context : "",
		parser->context ? ", " : "", parser->problem);
}

/* A second document in the file would silently be ignored. */
static void expect_end(struct document *d, yaml_parser_t *parser)
{
	yaml_document_t more;
	yaml_node_t *root;

	load(d, parser, &more);
	root = yaml_document_get_root_node(&more);
	if (root)
		document_fail(d, root, "expected the end of the file, found a second document");
	yaml_document_delete(&more);
}

yaml_node_t *document_read(struct document *d, const char *path)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "rb") : stdin;
	yaml_parser_t parser;
	yaml_node_t *root;

	d->path = path;
	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(2);
	}
	if (!yaml_parser_initialize(&parser))
		fail_in(d, 0, 0, "no memory");
	yaml_parser_set_input_file(&parser, file);
	load(d, &parser, &d->yaml);
	root = yaml_document_get_root_node(&d->yaml);
	if (!root)
		fail_in(d, 0, 0, "expected a scenario, found an empty file");
	expect_end(d, &parser);
	yaml_parser_delete(&parser);
	if (file != stdin)
		fclose(file);
	return root;
}

void document_free(struct document *d)
{
	yaml_document_delete(&d->yaml);
}

/* --- nodes ----------------------------------------------------------------------------------- */

static const char *scalar(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* What stands there, for an error. */
static const char *found(const yaml_node_t *node)
{
	static char text[64];

	if (node->type == YAML_MAPPING_NODE)
		return "a mapping";
	if (node->type == YAML_SEQUENCE_NODE)
		return "a list";
	snprintf(text, sizeof(text), "\"%.40s\"", scalar(node));
	return text;
}

static bool is_word(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

const char *document_text(struct document *d, yaml_node_t *node, const char *what)
{
	if (node->type != YAML_SCALAR_NODE || strlen(scalar(node)) != node->data.scalar.length)
		document_fail(d, node, "%s: expected text, found %s", what, found(node));
	return scalar(node);
}

/* Decimal digits and nothing else: no sign, no leading 0, no fraction. */
static bool parse_number(const char *text, uint64_t *value)
{
	*value = 0;
	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(*value, 10, value) ||
			__builtin_add_overflow(*value, (uint64_t)(*text - '0'), value))
			return false;
	return true;
}

uint64_t document_number(
	struct document *d, yaml_node_t *node, const char *what, uint64_t least, uint64_t most)
{
	uint64_t value;

	if (!is_word(node) || !parse_number(scalar(node), &value) || value < least || value > most)
		document_fail(d, node, "%s: expected a whole number from %llu to %llu, found %s",
			what, (unsigned long long)least, (unsigned long long)most, found(node));
	return value;
}

bool document_bool(struct document *d, yaml_node_t *node, const char *what)
{
	bool yes = is_word(node) && !strcmp(scalar(node), "true");

	if (!yes && (!is_word(node) || strcmp(scalar(node), "false")))
		document_fail(d, node, "%s: expected true or false, found %s", what, found(node));
	return yes;
}

unsigned document_list(struct document *d, yaml_node_t *node, const char *what)
{
	ptrdiff_t count;

	if (node->type != YAML_SEQUENCE_NODE)
		document_fail(d, node, "%s: expected a list, found %s", what, found(node));
	count = node->data.sequence.items.top - node->data.sequence.items.start;
	if (!count)
		document_fail(d, node, "%s: expected at least one item, found an empty list", what);
	return (unsigned)count;
}

yaml_node_t *document_item(struct document *d, yaml_node_t *node, unsigned index)
{
	return yaml_document_get_node(&d->yaml, node->data.sequence.items.start[index]);
}

/* --- mappings -------------------------------------------------------------------------------- */

static void add_name(char *list, size_t size, const char *name)
{
	size_t length = strlen(list);

	snprintf(list + length, size - length, "%s%s", length ? ", " : "", name);
}

static unsigned find_field(struct document *d, yaml_node_t *key, const char *what,
	const struct document_field *fields, unsigned count)
{
	const char *name = document_text(d, key, "key");
	char list[256] = "";

	for (unsigned i = 0; i < count; i++)
		if (!strcmp(fields[i].name, name))
			return i;
	for (unsigned i = 0; i < count; i++)
		add_name(list, sizeof(list), fields[i].name);
	document_fail(d, key, "%s has no key %s; expected one of %s", what, found(key), list);
}

void document_mapping(struct document *d, yaml_node_t *node, const char *what,
	const struct document_field *fields, unsigned count, void *into)
{
	uint64_t seen = 0;

	if (node->type != YAML_MAPPING_NODE)
		document_fail(d, node, "%s: expected a mapping, found %s", what, found(node));
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
		pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&d->yaml, pair->key);
		unsigned i = find_field(d, key, what, fields, count);

		if (seen >> i & 1)
			document_fail(d, key, "%s: key %s is there already", what, found(key));
		seen |= 1ull << i;
		fields[i].read(d, yaml_document_get_node(&d->yaml, pair->value), into);
	}
	for (unsigned i = 0; i < count; i++)
		if (fields[i].required && !(seen >> i & 1))
			document_fail(d, node, "%s: expected the key \"%s\"", what, fields[i].name);
}

yaml_node_t *document_find(struct document *d, yaml_node_t *node, const char *key)
{
	if (node->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
		pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(&d->yaml, pair->key);

		if (name->type == YAML_SCALAR_NODE && !strcmp(scalar(name), key))
			return yaml_document_get_node(&d->yaml, pair->value);
	}
	return NULL;
}

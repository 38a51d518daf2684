/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include "conf/source.h"
#include "conf/tree.h"

#define ARENA_MAX (16u << 20)

const char *tree_type(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "an integer";
	case CONFIG_TYPE_FLOAT:
		return "a decimal fraction";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_GROUP:
		return "a group { ... }";
	case CONFIG_TYPE_ARRAY:
		return "an array [ ... ]";
	default:
		return "a list ( ... )";
	}
}

size_t tree_groups(const config_setting_t *s)
{
	if (config_setting_is_group(s))
		return 1;
	return config_setting_is_list(s) ? (size_t)config_setting_length(s) : 0;
}

config_setting_t *tree_group(config_setting_t *s, size_t index)
{
	return config_setting_is_group(s) ? s : config_setting_get_elem(s, (unsigned)index);
}

static void each(
	config_setting_t *s, void (*visit)(config_setting_t *, const void *), const void *arg)
{
	visit(s, arg);
	if (!config_setting_is_aggregate(s))
		return;
	for (int i = 0; i < config_setting_length(s); i++)
		each(config_setting_get_elem(s, (unsigned)i), visit, arg);
}

static void place(config_setting_t *s, const void *source)
{
	struct place p = source_place(source, s->line);

	/* libconfig keeps file for its caller and never frees it. */
	s->file = p.file;
	s->line = p.line;
}

static void wipe(config_setting_t *s, const void *unused UNUSED)
{
	if (config_setting_type(s) == CONFIG_TYPE_STRING && s->value.sval)
		explicit_bzero(s->value.sval, strlen(s->value.sval));
}

/* What stands behind the first "=" or ":" looks like a word without quotes. */
static bool has_bare_word(struct popart_str line)
{
	while (line.len > 0 && line.ptr[0] != '=' && line.ptr[0] != ':')
		line = view_of(line.ptr + 1, line.len - 1);
	if (line.len == 0)
		return false;
	line = view_trim(view_of(line.ptr + 1, line.len - 1));
	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] == ';' || line.ptr[i] == '#')
			line.len = i;
	line = view_trim(line);
	if (line.len == 0 || view_eq_nocase(line, VIEW_LIT("true")) ||
		view_eq_nocase(line, VIEW_LIT("false")))
		return false;
	return !strchr("\"{[(+-.0123456789", line.ptr[0]);
}

static void report_failure(
	const struct source *source, const config_t *libconfig, struct report *report)
{
	int at = config_error_line(libconfig);
	struct place p = source_place(source, at > 0 ? (unsigned)at : 1);
	struct popart_str line = view_trim(source_line(source, at > 0 ? (unsigned)at : 1));
	const char *what = config_error_text(libconfig);
	const char *hint = "look for a missing quote, bracket or \";\" here or just above";
	int shown = line.len < 100 ? (int)line.len : 100;

	if (has_bare_word(line))
		hint = "text needs double quotes; truth is true or false";
	else if (what && strcmp(what, "duplicate setting name") == 0)
		hint = "a key may stand once; several groups go into a list ( { ... }, { ... } "
		       ")";
	else if (what && strcmp(what, "mismatched element type in array") == 0)
		hint = "the elements of [ ... ] are all of one type";
	if (shown > 0)
		report_error(report, p.file, p.line, "%s in `%.*s`: %s",
			what ? what : "syntax error", shown, line.ptr, hint);
	else
		report_error(
			report, p.file, p.line, "%s: %s", what ? what : "syntax error", hint);
}

struct conf_tree *tree_parse(struct popart_str text, const char *name, struct report *report)
{
	struct conf_tree *tree = calloc(1, sizeof *tree);
	struct source source = { 0 };
	bool done = false;

	if (!tree) {
		report_error(report, name, 0, "out of memory");
		return NULL;
	}
	arena_init(&tree->arena, ARENA_MAX);
	config_init(&tree->libconfig);
	if (!source_read(&source, &tree->arena, text, name, report))
		goto out;
	if (!config_read_string(&tree->libconfig, buf_cstr(&source.text))) {
		report_failure(&source, &tree->libconfig, report);
		goto out;
	}
	each(config_root_setting(&tree->libconfig), place, &source);
	done = true;
out:
	source_free(&source);
	if (!done)
		tree_free(&tree);
	return tree;
}

void tree_free(struct conf_tree **p)
{
	struct conf_tree *tree = *p;

	if (!tree)
		return;
	each(config_root_setting(&tree->libconfig), wipe, NULL);
	config_destroy(&tree->libconfig);
	arena_free(&tree->arena);
	free(tree);
	*p = NULL;
}

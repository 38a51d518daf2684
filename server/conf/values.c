/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include "base/text.h"
#include "conf/value.h"

#define ARENA_MAX (8u << 20)
#define NAMES_MAX 128

static void read_row(struct value_reading *r, const struct conf_group *g)
{
	const struct popart_opt *row = r->value->row;
	struct popart_str text = view_str(row->fallback);

	r->value->file = config_setting_source_file(g->group);
	r->value->line = config_setting_source_line(g->group);
	r->setting = config_setting_get_member(g->group, row->name);
	if (r->setting) {
		r->value->given = true;
		r->value->file = config_setting_source_file(r->setting);
		r->value->line = config_setting_source_line(r->setting);
		text = view_str(config_setting_get_string(r->setting));
	} else if (row->flags & POPART_OPT_REQUIRED) {
		report_error(r->report, r->value->file, r->value->line,
			"%s is missing%s; it is %s: %s", row->name, r->where, value_form(row),
			row->help ? row->help : "");
		r->value->bad = true;
		return;
	} else if (!row->fallback) {
		return;
	}
	r->value->bad = !value_read(r, text);
}

static const struct popart_opt *next_row(const struct popart_opt *row, size_t stride)
{
	return (const struct popart_opt *)(const void *)((const char *)row + stride);
}

static bool is_in(const char *name, const char *const *words)
{
	for (; words && *words; words++)
		if (strcmp(*words, name) == 0)
			return true;
	return false;
}

/* Every key that may stand in the group; NULL-ended. */
static void collect_names(
	const struct popart_conf *conf, const char *const *others, const char *names[NAMES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < conf->n && n < NAMES_MAX - 1; i++)
		names[n++] = conf->values[i].row->name;
	for (; *others && n < NAMES_MAX - 1; others++)
		names[n++] = *others;
	names[n] = NULL;
}

static void check_names(
	const struct conf_group *g, const struct popart_conf *conf, struct report *report)
{
	const char *names[NAMES_MAX];

	collect_names(conf, g->others, names);
	for (int i = 0; i < config_setting_length(g->group); i++) {
		const config_setting_t *s = config_setting_get_elem(g->group, (unsigned)i);
		const char *name = config_setting_name(s), *near;
		const char *file = config_setting_source_file(s);
		unsigned line = config_setting_source_line(s);
		struct buf known;

		if (is_in(name, names))
			continue;
		if (is_in(name, g->later)) {
			report_error(report, file, line,
				"%s%s is not available in this version of popart; take it out",
				name, g->where);
			continue;
		}
		near = text_nearest(view_str(name), names);
		if (near) {
			report_error(report, file, line,
				"unknown key \"%.80s\"%s; did you mean \"%s\"?", name, g->where,
				near);
			continue;
		}
		buf_init(&known, 4096);
		text_add_list(&known, names);
		report_error(report, file, line, "unknown key \"%.80s\"%s; known here: %s",
			name, g->where, buf_cstr(&known));
		buf_free(&known);
	}
}

struct popart_conf *values_read(const struct conf_group *g, const struct popart_opt *rows,
	size_t stride, struct report *report)
{
	struct popart_conf *conf = calloc(1, sizeof *conf);
	size_t n = 0;

	if (!conf)
		goto out_of_memory;
	arena_init(&conf->arena, ARENA_MAX);
	for (const struct popart_opt *row = rows; row && row->name; row = next_row(row, stride))
		n++;
	conf->values = arena_alloc(&conf->arena, (n > 0 ? n : 1) * sizeof *conf->values);
	if (!conf->values)
		goto out_of_memory;
	for (const struct popart_opt *row = rows; conf->n < n; row = next_row(row, stride))
		conf->values[conf->n++].row = row;
	check_names(g, conf, report);
	for (size_t i = 0; i < n; i++) {
		struct value_reading r = { .arena = &conf->arena,
			.value = &conf->values[i],
			.where = g->where,
			.report = report };
		read_row(&r, g);
	}
	return conf;
out_of_memory:
	report_error(report, NULL, 0, "out of memory");
	conf_values_free(&conf);
	return NULL;
}

static void wipe(struct popart_str v)
{
	/* The bytes are our own copy; struct popart_str only has no other pointer to give. */
	if (v.ptr)
		explicit_bzero((void *)(uintptr_t)v.ptr, v.len);
}

void conf_values_free(struct popart_conf **p)
{
	struct popart_conf *conf = *p;

	if (!conf)
		return;
	for (size_t i = 0; conf->values && i < conf->n; i++) {
		const struct conf_value *v = &conf->values[i];

		if (!(v->row->flags & POPART_OPT_SECRET))
			continue;
		wipe(v->text);
		for (size_t j = 0; j < v->nlist; j++)
			wipe(v->list[j]);
	}
	arena_free(&conf->arena);
	free(conf);
	*p = NULL;
}

const struct conf_value *values_find(const struct popart_conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n; i++)
		if (strcmp(conf->values[i].row->name, name) == 0)
			return &conf->values[i];
	return NULL;
}

/* The caller asks for what is in its own rows; anything else is its bug. */
static const struct conf_value *find_of_type(
	const struct popart_conf *conf, const char *name, unsigned types)
{
	const struct conf_value *v = values_find(conf, name);
	bool good = v && (1u << v->row->type & types);

#ifdef POPART_DEVELOPER
	if (!good)
		abort();
#endif
	return good ? v : NULL;
}

int64_t conf_int(const struct popart_conf *conf, const char *name)
{
	const struct conf_value *v = find_of_type(conf, name,
		1u << POPART_OPT_BOOL | 1u << POPART_OPT_INT | 1u << POPART_OPT_SIZE |
			1u << POPART_OPT_MSEC | 1u << POPART_OPT_ENUM);

	return v ? v->number : 0;
}

struct popart_str conf_str(const struct popart_conf *conf, const char *name)
{
	const struct conf_value *v =
		find_of_type(conf, name, 1u << POPART_OPT_STRING | 1u << POPART_OPT_PATH);

	return v && v->text.ptr ? v->text : VIEW_LIT("");
}

size_t conf_list(
	const struct popart_conf *conf, const char *name, const struct popart_str **list)
{
	const struct conf_value *v = find_of_type(conf, name, 1u << POPART_OPT_LIST);

	*list = v ? v->list : NULL;
	return v ? v->nlist : 0;
}

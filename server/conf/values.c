/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include "base/text.h"
#include "conf/values.h"

#define ARENA_MAX (8u << 20)
#define NAMES_MAX 128

/* One key being read; why and what to say when it does not fit. */
struct reading {
	struct popart_conf *conf;
	struct conf_value *value;
	const config_setting_t *setting; /* NULL: the fallback */
	const char *where;
	struct report *report;
};

static bool is_secret(const struct popart_opt *row)
{
	return row->flags & POPART_OPT_SECRET;
}

/* What to write for a row's type. */
static const char *form_of(const struct popart_opt *row)
{
	switch (row->type) {
	case POPART_OPT_BOOL:
		return "true or false, without quotes";
	case POPART_OPT_INT:
		return "an integer";
	case POPART_OPT_SIZE:
		return "a size: octets, or a string like \"64K\", \"10M\", \"2G\"";
	case POPART_OPT_MSEC:
		return "a duration: seconds, or a string like \"500ms\", \"30s\", \"10m\", "
		       "\"2h\", \"1d\"";
	case POPART_OPT_LIST:
		return "a string or a list of strings";
	default:
		return "a string in double quotes";
	}
}

static bool fail_type(const struct reading *r)
{
	report_error(r->report, r->value->file, r->value->line, "%s%s must be %s; this is %s",
		r->value->row->name, r->where, form_of(r->value->row),
		r->setting ? tree_type(r->setting) : "a wrong default of the module");
	return false;
}

static bool fail_form(const struct reading *r, struct popart_str text)
{
	const struct popart_opt *row = r->value->row;

	if (is_secret(row))
		text = VIEW_LIT("(hidden)");
	report_error(r->report, r->value->file, r->value->line, "%s%s: \"%.*s\" is not %s",
		row->name, r->where, text.len < 80 ? (int)text.len : 80, text.ptr,
		form_of(row));
	return false;
}

static void add_amount(struct buf *b, const struct popart_opt *row, int64_t n)
{
	if (row->type == POPART_OPT_MSEC)
		text_add_duration(b, n);
	else if (row->type == POPART_OPT_SIZE)
		text_add_size(b, n);
	else
		buf_printf(b, "%" PRId64, n);
}

static bool check_range(const struct reading *r)
{
	const struct popart_opt *row = r->value->row;
	bool bounded = row->min != 0 || row->max != 0;
	int64_t n = r->value->number;
	char room[128];
	struct buf text;

	if (bounded ? n >= row->min && n <= row->max : n >= 0 || row->type == POPART_OPT_INT)
		return true;
	buf_init_room(&text, room, sizeof room, sizeof room - 1);
	add_amount(&text, row, n);
	buf_add_str(&text, bounded ? " is out of range; from " : " is less than nothing");
	if (bounded) {
		add_amount(&text, row, row->min);
		buf_add_str(&text, " to ");
		add_amount(&text, row, row->max);
	}
	report_error(r->report, r->value->file, r->value->line, "%s%s: %s", row->name, r->where,
		buf_cstr(&text));
	buf_free(&text);
	return false;
}

static bool read_integer(const struct reading *r, int64_t *n)
{
	int type = config_setting_type(r->setting);

	if (type == CONFIG_TYPE_INT)
		*n = config_setting_get_int(r->setting);
	else if (type == CONFIG_TYPE_INT64)
		*n = config_setting_get_int64(r->setting);
	return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

/* text: what stands in the setting if it is a string, or in the fallback. */
static bool read_amount(const struct reading *r, struct popart_str text)
{
	const struct popart_opt *row = r->value->row;
	int64_t *n = &r->value->number;
	bool good;

	if (r->setting && read_integer(r, n)) {
		if (row->type == POPART_OPT_MSEC && __builtin_mul_overflow(*n, 1000, n))
			*n = INT64_MAX;
		return check_range(r);
	}
	if (!text.ptr || (r->setting && row->type == POPART_OPT_INT))
		return fail_type(r);
	if (row->type == POPART_OPT_MSEC) {
		good = text_parse_duration(text, n);
	} else if (row->type == POPART_OPT_SIZE) {
		good = text_parse_size(text, n);
	} else {
		bool negative = view_starts(text, VIEW_LIT("-"));
		uint64_t amount = 0;

		good = view_u64(
			view_of(text.ptr + negative, text.len - negative), INT64_MAX, &amount);
		*n = negative ? -(int64_t)amount : (int64_t)amount;
	}
	return good ? check_range(r) : fail_form(r, text);
}

static bool read_bool(const struct reading *r, struct popart_str text)
{
	if (r->setting && config_setting_type(r->setting) == CONFIG_TYPE_BOOL)
		r->value->number = config_setting_get_bool(r->setting);
	else if (!r->setting && view_eq(text, VIEW_LIT("true")))
		r->value->number = 1;
	else if (r->setting || !view_eq(text, VIEW_LIT("false")))
		return fail_type(r);
	return true;
}

static void add_words(struct buf *b, const char *const *words)
{
	for (size_t i = 0; words[i]; i++) {
		buf_add_str(b, i > 0 ? ", " : "");
		buf_add_str(b, words[i]);
	}
}

static bool read_enum(const struct reading *r, struct popart_str text)
{
	const struct popart_opt *row = r->value->row;
	struct buf known;

	if (!text.ptr)
		return fail_type(r);
	for (size_t i = 0; row->choices[i]; i++) {
		if (view_eq(text, view_str(row->choices[i]))) {
			r->value->number = (int64_t)i;
			return true;
		}
	}
	buf_init(&known, 4096);
	add_words(&known, row->choices);
	report_error(r->report, r->value->file, r->value->line, "%s%s: \"%.*s\" is none of: %s",
		row->name, r->where, text.len < 80 ? (int)text.len : 80, text.ptr,
		buf_cstr(&known));
	buf_free(&known);
	return false;
}

static bool keep(const struct reading *r, struct popart_str v, struct popart_str *to)
{
	*to = arena_copy(&r->conf->arena, v);
	if (to->ptr)
		return true;
	report_error(r->report, r->value->file, r->value->line, "out of memory");
	return false;
}

static bool read_string(const struct reading *r, struct popart_str text)
{
	const struct popart_opt *row = r->value->row;
	char digits[24];
	struct buf number;
	int64_t n;

	buf_init_room(&number, digits, sizeof digits, sizeof digits - 1);
	if (r->setting && (row->flags & CONF_OPT_OR_INTEGER) && read_integer(r, &n)) {
		buf_printf(&number, "%" PRId64, n);
		text = buf_view(&number);
	}
	if (!text.ptr)
		return fail_type(r);
	if (row->type == POPART_OPT_PATH && text.len == 0) {
		report_error(r->report, r->value->file, r->value->line,
			"%s%s: the path is empty", row->name, r->where);
		return false;
	}
	return keep(r, text, &r->value->text);
}

static bool make_list(const struct reading *r, size_t n)
{
	if (n == 0)
		return true;
	r->value->list = arena_alloc(&r->conf->arena, n * sizeof *r->value->list);
	if (!r->value->list)
		report_error(r->report, r->value->file, r->value->line, "out of memory");
	return r->value->list;
}

static bool read_list(const struct reading *r, struct popart_str text)
{
	struct conf_value *value = r->value;
	size_t n = 1;

	if (r->setting && text.ptr)
		return make_list(r, 1) && keep(r, text, &value->list[value->nlist++]);
	if (!r->setting) {
		for (size_t i = 0; i < text.len; i++)
			n += text.ptr[i] == ',';
		if (!make_list(r, n))
			return false;
		while (text.len > 0)
			if (!keep(r, view_trim(view_cut(&text, ',')),
				    &value->list[value->nlist++]))
				return false;
		return true;
	}
	if (!config_setting_is_list(r->setting) &&
		config_setting_type(r->setting) != CONFIG_TYPE_ARRAY)
		return fail_type(r);
	n = (size_t)config_setting_length(r->setting);
	if (!make_list(r, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct reading element = *r;

		element.setting = config_setting_get_elem(r->setting, (unsigned)i);
		if (config_setting_type(element.setting) != CONFIG_TYPE_STRING)
			return fail_type(&element);
		if (!keep(r, view_str(config_setting_get_string(element.setting)),
			    &value->list[value->nlist++]))
			return false;
	}
	return true;
}

static bool read_value(const struct reading *r, struct popart_str text)
{
	switch (r->value->row->type) {
	case POPART_OPT_BOOL:
		return read_bool(r, text);
	case POPART_OPT_INT:
	case POPART_OPT_SIZE:
	case POPART_OPT_MSEC:
		return read_amount(r, text);
	case POPART_OPT_ENUM:
		return read_enum(r, text);
	case POPART_OPT_LIST:
		return read_list(r, text);
	case POPART_OPT_STRING:
	case POPART_OPT_PATH:
		return read_string(r, text);
	default:
		return fail_type(r);
	}
}

static void read_row(struct reading *r, const struct conf_group *g)
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
			"%s is missing%s; it is %s: %s", row->name, r->where, form_of(row),
			row->help ? row->help : "");
		r->value->bad = true;
		return;
	} else if (!row->fallback) {
		return;
	}
	r->value->bad = !read_value(r, text);
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
		add_words(&known, names);
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
		struct reading r = { .conf = conf,
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

		if (!is_secret(v->row))
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

void conf_add_string(struct buf *b, struct popart_str s)
{
	static const char digits[] = "0123456789abcdef";

	buf_add_char(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c == '"' || c == '\\') {
			buf_add_char(b, '\\');
			buf_add_char(b, (char)c);
		} else if (c < ' ' || c == 0x7F) {
			char hex[] = { '\\', 'x', digits[c >> 4], digits[c & 15] };
			buf_add(b, view_of(hex, sizeof hex));
		} else {
			buf_add_char(b, (char)c);
		}
	}
	buf_add_char(b, '"');
}

static void dump_value(const struct conf_value *v, struct buf *b)
{
	switch (v->row->type) {
	case POPART_OPT_BOOL:
		buf_add_str(b, v->number ? "true" : "false");
		break;
	case POPART_OPT_INT:
		add_amount(b, v->row, v->number);
		break;
	case POPART_OPT_SIZE:
	case POPART_OPT_MSEC:
		buf_add_char(b, '"');
		add_amount(b, v->row, v->number);
		buf_add_char(b, '"');
		break;
	case POPART_OPT_ENUM:
		conf_add_string(b, view_str(v->row->choices[v->number]));
		break;
	case POPART_OPT_LIST:
		buf_add_char(b, '(');
		for (size_t i = 0; i < v->nlist; i++) {
			buf_add_str(b, i > 0 ? ", " : " ");
			conf_add_string(b, v->list[i]);
		}
		buf_add_str(b, v->nlist > 0 ? " )" : ")");
		break;
	default:
		conf_add_string(b, v->text);
		break;
	}
}

void values_dump(const struct popart_conf *conf, const char *indent, struct buf *b)
{
	for (size_t i = 0; i < conf->n; i++) {
		const struct conf_value *v = &conf->values[i];
		bool has_value = v->given || v->row->fallback || v->text.ptr;

		buf_printf(b, "%s%s%s = ", indent, has_value ? "" : "# ", v->row->name);
		if (!has_value)
			buf_add_str(b, "not set");
		else if (is_secret(v->row))
			buf_add_str(b, "\"(hidden)\"");
		else
			dump_value(v, b);
		buf_add_str(b, has_value ? ";\n" : "\n");
	}
}

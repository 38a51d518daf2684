/* SPDX-License-Identifier: MIT */
#include "conf/value.h"
#include <inttypes.h>
#include "base/text.h"

const char *value_form(const struct popart_opt *row)
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

static bool fail_type(const struct value_reading *r)
{
	report_error(r->report, r->value->file, r->value->line, "%s%s must be %s; this is %s",
		r->value->row->name, r->where, value_form(r->value->row),
		r->setting ? tree_type(r->setting) : "a wrong default of the module");
	return false;
}

static bool fail_form(const struct value_reading *r, struct popart_str text)
{
	const struct popart_opt *row = r->value->row;

	if (row->flags & POPART_OPT_SECRET)
		text = VIEW_LIT("(hidden)");
	report_error(r->report, r->value->file, r->value->line, "%s%s: \"%.*s\" is not %s",
		row->name, r->where, text.len < 80 ? (int)text.len : 80, text.ptr,
		value_form(row));
	return false;
}

void value_add_amount(struct buf *b, const struct popart_opt *row, int64_t n)
{
	if (row->type == POPART_OPT_MSEC)
		text_add_duration(b, n);
	else if (row->type == POPART_OPT_SIZE)
		text_add_size(b, n);
	else
		buf_printf(b, "%" PRId64, n);
}

static bool check_range(const struct value_reading *r)
{
	const struct popart_opt *row = r->value->row;
	bool bounded = row->min != 0 || row->max != 0;
	int64_t n = r->value->number;
	char room[128];
	struct buf text;

	if (bounded ? n >= row->min && n <= row->max : n >= 0 || row->type == POPART_OPT_INT)
		return true;
	buf_init_room(&text, room, sizeof room, sizeof room - 1);
	value_add_amount(&text, row, n);
	buf_add_str(&text, bounded ? " is out of range; from " : " is less than nothing");
	if (bounded) {
		value_add_amount(&text, row, row->min);
		buf_add_str(&text, " to ");
		value_add_amount(&text, row, row->max);
	}
	report_error(r->report, r->value->file, r->value->line, "%s%s: %s", row->name, r->where,
		buf_cstr(&text));
	buf_free(&text);
	return false;
}

static bool read_integer(const struct value_reading *r, int64_t *n)
{
	int type = config_setting_type(r->setting);

	if (type == CONFIG_TYPE_INT)
		*n = config_setting_get_int(r->setting);
	else if (type == CONFIG_TYPE_INT64)
		*n = config_setting_get_int64(r->setting);
	return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

/* text: what stands in the setting if it is a string, or in the fallback. */
static bool read_amount(const struct value_reading *r, struct popart_str text)
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

static bool read_bool(const struct value_reading *r, struct popart_str text)
{
	if (r->setting && config_setting_type(r->setting) == CONFIG_TYPE_BOOL)
		r->value->number = config_setting_get_bool(r->setting);
	else if (!r->setting && view_eq(text, VIEW_LIT("true")))
		r->value->number = 1;
	else if (r->setting || !view_eq(text, VIEW_LIT("false")))
		return fail_type(r);
	return true;
}

static bool read_enum(const struct value_reading *r, struct popart_str text)
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
	text_add_list(&known, row->choices);
	report_error(r->report, r->value->file, r->value->line, "%s%s: \"%.*s\" is none of: %s",
		row->name, r->where, text.len < 80 ? (int)text.len : 80, text.ptr,
		buf_cstr(&known));
	buf_free(&known);
	return false;
}

static bool keep(const struct value_reading *r, struct popart_str v, struct popart_str *to)
{
	*to = arena_copy(r->arena, v);
	if (to->ptr)
		return true;
	report_error(r->report, r->value->file, r->value->line, "out of memory");
	return false;
}

static bool read_string(const struct value_reading *r, struct popart_str text)
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

static bool make_list(const struct value_reading *r, size_t n)
{
	if (n == 0)
		return true;
	r->value->list = arena_alloc(r->arena, n * sizeof *r->value->list);
	if (!r->value->list)
		report_error(r->report, r->value->file, r->value->line, "out of memory");
	return r->value->list;
}

static bool read_list(const struct value_reading *r, struct popart_str text)
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
		struct value_reading element = *r;

		element.setting = config_setting_get_elem(r->setting, (unsigned)i);
		if (config_setting_type(element.setting) != CONFIG_TYPE_STRING)
			return fail_type(&element);
		if (!keep(r, view_str(config_setting_get_string(element.setting)),
			    &value->list[value->nlist++]))
			return false;
	}
	return true;
}

bool value_read(const struct value_reading *r, struct popart_str text)
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
		report_error(r->report, r->value->file, r->value->line,
			"%s%s: the module says that it is of type %u, which this server does "
			"not know; the module must be mended",
			r->value->row->name, r->where, r->value->row->type);
		return false;
	}
}

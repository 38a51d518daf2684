/* SPDX-License-Identifier: MIT */
#include "check/settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include "conf/tree.h"
#include "conf/values.h"

#define TEXT_MAX (1u << 20)
#define NAME     "option"

static const struct popart_opt *row_of(const struct popart_module *m, struct popart_str name)
{
	const char *row = (const char *)m->options;

	for (; row; row += m->opt_stride) {
		const struct popart_opt *opt = (const void *)row;

		if (!opt->name)
			break;
		if (view_eq(name, view_str(opt->name)))
			return opt;
	}
	return NULL;
}

static bool is_key(struct popart_str v)
{
	for (size_t i = 0; i < v.len; i++)
		if (!((v.ptr[i] >= 'a' && v.ptr[i] <= 'z') ||
			    (v.ptr[i] >= 'A' && v.ptr[i] <= 'Z') ||
			    (i && ((v.ptr[i] >= '0' && v.ptr[i] <= '9') || v.ptr[i] == '_'))))
			return false;
	return v.len > 0;
}

static bool is_number(struct popart_str v)
{
	size_t sign = v.len > 1 && v.ptr[0] == '-';

	for (size_t i = sign; i < v.len; i++)
		if (v.ptr[i] < '0' || v.ptr[i] > '9')
			return false;
	return v.len > 0 && v.len < 19;
}

/* ---- as a configuration would have it ---- */

static void add_string(struct buf *out, struct popart_str v)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.ptr[i];

		if (c < 0x20)
			buf_printf(out, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else
			buf_add_char(out, (char)c);
	}
	buf_add_char(out, '"');
}

static void add_list(struct buf *out, struct popart_str v)
{
	bool first = true;

	buf_add_char(out, '[');
	while (v.ptr && v.len) {
		if (!first)
			buf_add_char(out, ',');
		add_string(out, view_cut(&v, ','));
		first = false;
	}
	buf_add_char(out, ']');
}

static void add_value(struct buf *out, const struct popart_opt *row, struct popart_str v)
{
	bool plain = row &&
		(((row->type == POPART_OPT_INT || row->type == POPART_OPT_SIZE ||
			  row->type == POPART_OPT_MSEC) &&
			 is_number(v)) ||
			(row->type == POPART_OPT_BOOL &&
				(view_eq(v, VIEW_LIT("true")) ||
					view_eq(v, VIEW_LIT("false")))));

	if (plain)
		buf_printf(out, "%.*s%s", VIEW_FMT(v), row->type == POPART_OPT_BOOL ? "" : "L");
	else if (row && row->type == POPART_OPT_LIST)
		add_list(out, v);
	else
		add_string(out, v);
}

static bool write_configuration(const struct popart_module *m, const char *const *given,
	struct buf *text, struct buf *why)
{
	for (; given && *given; given++) {
		struct popart_str value = view_str(*given);
		struct popart_str key = view_cut(&value, '=');

		if (!value.ptr || !is_key(key)) {
			buf_printf(why,
				"\"%.80s\" is no setting of an option; write it like "
				"path=/srv\n",
				*given);
			return false;
		}
		buf_printf(text, "%.*s = ", VIEW_FMT(key));
		add_value(text, row_of(m, key), value);
		buf_add_str(text, ";\n");
	}
	return true;
}

/* ---- and back ---- */

static bool add_text(struct settings *s, struct popart_str text)
{
	char *copy = strndup(text.ptr, text.len);

	if (copy)
		s->texts[s->n++] = copy;
	return copy;
}

static void add_plain(struct buf *out, const struct conf_value *v)
{
	switch (v->row->type) {
	case POPART_OPT_BOOL:
		buf_add_str(out, v->number ? "true" : "false");
		break;
	case POPART_OPT_ENUM:
		buf_add_str(out, v->row->choices[v->number]);
		break;
	case POPART_OPT_LIST:
		for (size_t i = 0; i < v->nlist; i++)
			buf_printf(out, "%s%.*s", i ? "," : "", VIEW_FMT(v->list[i]));
		break;
	case POPART_OPT_STRING:
	case POPART_OPT_PATH:
		buf_add(out, v->text);
		break;
	default:
		buf_printf(out, "%" PRId64, v->number);
		break;
	}
}

static bool take_values(struct settings *s, const struct popart_conf *conf)
{
	struct buf text;
	bool ok = true;

	s->texts = calloc(conf->n + 1, sizeof(*s->texts));
	if (!s->texts)
		return false;
	buf_init(&text, TEXT_MAX);
	for (size_t i = 0; i < conf->n && ok; i++) {
		const struct conf_value *v = &conf->values[i];

		if (!v->given && !v->row->fallback)
			continue;
		buf_reset(&text);
		buf_printf(&text, "%s=", v->row->name);
		add_plain(&text, v);
		ok = !text.failed && add_text(s, buf_view(&text));
	}
	buf_wipe(&text);
	return ok;
}

/* "option:3: unknown key ..." without where it stands: that is no file of the user's. */
static void add_mistakes(struct buf *why, struct popart_str lines)
{
	while (lines.ptr && lines.len) {
		struct popart_str line = view_cut(&lines, '\n');

		if (view_starts(line, VIEW_LIT(NAME ":")))
			for (int colons = 2; colons > 0 && line.ptr; colons--)
				(void)view_cut(&line, ':');
		buf_printf(why, "%.*s\n", VIEW_FMT(view_trim(line)));
	}
}

bool settings_read(struct settings *s, const struct popart_module *m, const char *const *given,
	struct buf *why)
{
	static const char *const others[] = { NULL };
	struct conf_tree *tree = NULL;
	struct popart_conf *conf = NULL;
	struct report report;
	struct buf text;
	bool ok = false;

	*s = (struct settings){ NULL, 0 };
	buf_init(&text, TEXT_MAX);
	report_init(&report);
	if (!write_configuration(m, given, &text, why))
		goto out;
	tree = tree_parse(buf_view(&text), NAME, &report);
	if (!tree)
		goto out;
	struct conf_group group = {
		.group = config_root_setting(&tree->libconfig), .where = "", .others = others
	};
	conf = values_read(&group, m->options, m->opt_stride, &report);
	ok = conf && report.errors == 0 && take_values(s, conf);
	if (!ok && report.errors == 0)
		buf_add_str(why, "out of memory\n");
out:
	add_mistakes(why, buf_view(&report.text));
	conf_values_free(&conf);
	if (tree)
		tree_free(&tree);
	report_free(&report);
	buf_wipe(&text);
	if (!ok)
		settings_free(s);
	return ok;
}

void settings_free(struct settings *s)
{
	for (size_t i = 0; i < s->n; i++) {
		explicit_bzero(s->texts[i], strlen(s->texts[i]));
		free(s->texts[i]);
	}
	free(s->texts);
	*s = (struct settings){ NULL, 0 };
}

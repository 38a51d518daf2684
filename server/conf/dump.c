/* SPDX-License-Identifier: MIT */
#include "conf/value.h"

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
		value_add_amount(b, v->row, v->number);
		break;
	case POPART_OPT_SIZE:
	case POPART_OPT_MSEC:
		buf_add_char(b, '"');
		value_add_amount(b, v->row, v->number);
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

/* "\tname = value;\n", or as a comment what has no value. */
static void dump_values(const struct popart_conf *conf, const char *indent, struct buf *b)
{
	for (size_t i = 0; i < conf->n; i++) {
		const struct conf_value *v = &conf->values[i];
		bool has_value = v->given || v->row->fallback || v->text.ptr;

		buf_printf(b, "%s%s%s = ", indent, has_value ? "" : "# ", v->row->name);
		if (!has_value)
			buf_add_str(b, "not set");
		else if (v->row->flags & POPART_OPT_SECRET)
			buf_add_str(b, "\"(hidden)\"");
		else
			dump_value(v, b);
		buf_add_str(b, has_value ? ";\n" : "\n");
	}
}

static void dump_tls(const struct conf_tree *t, struct buf *b)
{
	buf_add_str(b, "tls = {\n");
	dump_values(t->tls, "\t", b);
	if (t->ncertificates > 0)
		buf_add_str(b, "\tcertificates = (\n");
	for (size_t i = 0; i < t->ncertificates; i++) {
		buf_add_str(b, "\t\t{\n");
		dump_values(t->certificates[i], "\t\t\t", b);
		buf_add_str(b, i + 1 < t->ncertificates ? "\t\t},\n" : "\t\t}\n\t);\n");
	}
	buf_add_str(b, "};\n");
}

void conf_dump(const struct conf *c, struct buf *b)
{
	dump_values(c->tree->server, "", b);
	buf_add_str(b, "listen = (\n");
	for (size_t i = 0; i < c->tree->nlisten; i++) {
		buf_add_str(b, "\t{\n");
		dump_values(c->tree->listen[i], "\t\t", b);
		buf_add_str(b, i + 1 < c->tree->nlisten ? "\t},\n" : "\t}\n");
	}
	buf_add_str(b, ");\n");
	if (c->tree->tls)
		dump_tls(c->tree, b);
	buf_add_str(b, "log = {\n");
	dump_values(c->tree->log, "\t", b);
	buf_add_str(b, "};\n");
	if (!c->tree->admin)
		return;
	buf_add_str(b, "admin = {\n");
	dump_values(c->tree->admin, "\t", b);
	buf_add_str(b, "};\n");
}

void conf_dump_domains(const struct conf_block *block, const char *indent, struct buf *b)
{
	if (block->ndomains == 0) {
		buf_printf(b, "%s# domains = not set\n", indent);
		return;
	}
	buf_printf(b, "%sdomains = (", indent);
	for (size_t i = 0; i < block->ndomains; i++) {
		buf_add_str(b, i > 0 ? ", " : " ");
		conf_add_string(b, block->domains[i]);
	}
	buf_add_str(b, " );\n");
}

void conf_dump_block(
	const struct conf_block *block, const struct popart_conf *values, struct buf *b)
{
	if (block->first)
		buf_printf(b, "%s = (\n", block->list);
	buf_add_str(b, "\t{\n\t\tmodule = ");
	conf_add_string(b, view_str(block->module));
	buf_add_str(b, ";\n\t\tname = ");
	conf_add_string(b, view_str(block->name));
	buf_add_str(b, ";\n");
	if (strcmp(block->list, "storage") == 0)
		buf_printf(b, "\t\tas_user = %s;\n", block->as_user ? "true" : "false");
	conf_dump_domains(block, "\t\t", b);
	dump_values(values, "\t\t", b);
	buf_add_str(b, block->last ? "\t}\n);\n" : "\t},\n");
}

void conf_dump_values(const struct popart_conf *values, struct buf *b)
{
	dump_values(values, "", b);
}

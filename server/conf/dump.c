/* SPDX-License-Identifier: MIT */
#include "conf/values.h"

static void dump_tls(const struct conf_tree *t, struct buf *b)
{
	buf_add_str(b, "tls = {\n");
	values_dump(t->tls, "\t", b);
	if (t->ncertificates > 0)
		buf_add_str(b, "\tcertificates = (\n");
	for (size_t i = 0; i < t->ncertificates; i++) {
		buf_add_str(b, "\t\t{\n");
		values_dump(t->certificates[i], "\t\t\t", b);
		buf_add_str(b, i + 1 < t->ncertificates ? "\t\t},\n" : "\t\t}\n\t);\n");
	}
	buf_add_str(b, "};\n");
}

void conf_dump(const struct conf *c, struct buf *b)
{
	values_dump(c->tree->server, "", b);
	buf_add_str(b, "listen = (\n");
	for (size_t i = 0; i < c->tree->nlisten; i++) {
		buf_add_str(b, "\t{\n");
		values_dump(c->tree->listen[i], "\t\t", b);
		buf_add_str(b, i + 1 < c->tree->nlisten ? "\t},\n" : "\t}\n");
	}
	buf_add_str(b, ");\n");
	if (c->tree->tls)
		dump_tls(c->tree, b);
	buf_add_str(b, "log = {\n");
	values_dump(c->tree->log, "\t", b);
	buf_add_str(b, "};\n");
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
	values_dump(values, "\t\t", b);
	buf_add_str(b, block->last ? "\t}\n);\n" : "\t},\n");
}

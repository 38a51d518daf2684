/* SPDX-License-Identifier: MIT */
#include "conf/values.h"

void conf_dump(const struct conf *c, struct buf *b)
{
	values_dump(c->tree->server, "", b);
	buf_add_str(b, "listen = (\n");
	for (size_t i = 0; i < c->tree->nlisten; i++) {
		buf_add_str(b, "\t{\n");
		values_dump(c->tree->listen[i], "\t\t", b);
		buf_add_str(b, i + 1 < c->tree->nlisten ? "\t},\n" : "\t}\n");
	}
	buf_add_str(b, ");\nlog = {\n");
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

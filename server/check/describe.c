/* SPDX-License-Identifier: MIT */
#include "check/describe.h"
#include "conf/value.h"

struct word {
	uint32_t bit;
	const char *text;
};

static const char *const types[] = { "boolean", "integer", "size", "duration", "string", "path",
	"one of", "list" };

static void add_words(
	struct buf *out, uint32_t bits, const struct word *words, const char *first)
{
	for (; words->text; words++) {
		if (!(bits & words->bit))
			continue;
		buf_printf(out, "%s%s", first, words->text);
		first = ", ";
	}
}

static void add_identity(struct buf *out, const struct popart_module *m)
{
	static const struct word needs[] = { { POPART_NEEDS_NETWORK, "network" },
		{ POPART_NEEDS_USER_IDS, "the ids of users" },
		{ POPART_NEEDS_PROCESS, "to start programs" }, { 0, NULL } };

	buf_printf(out, "# %s %s (%s): %s\n", m->name, m->version ? m->version : "-",
		m->license ? m->license : "-", m->summary ? m->summary : "");
	buf_printf(out, "# module ABI %u, from minor %u on; this program has %u.%u\n",
		m->api_major, m->api_minor_min, POPART_API_MAJOR, POPART_API_MINOR);
	if (m->needs) {
		buf_add_str(out, "#");
		add_words(out, m->needs, needs, " needs ");
		buf_add_str(out, "\n");
	}
}

static void add_storage(struct buf *out, const struct popart_storage_ops *s)
{
	static const struct word caps[] = { { POPART_STORE_BLOCKS, "may wait on a network" },
		{ POPART_STORE_QUICK_READS, "but not to read" },
		{ POPART_STORE_SERIAL, "one call at a time" },
		{ POPART_STORE_ATOMIC_COMMIT, "commit is all or nothing" },
		{ POPART_STORE_READ_ONLY, "read-only" }, { 0, NULL } };

	buf_add_str(out, "# storage: open, list, message");
	buf_printf(out, "%s%s%s%s%s", s->commit ? ", commit" : "",
		s->maildrop_id ? ", maildrop_id" : "", s->renew ? ", renew" : "",
		s->deliver_begin ? ", deliver" : "", s->check ? ", check" : "");
	add_words(out, s->caps, caps, "; ");
	buf_add_str(out, "\n");
}

static void add_auth(struct buf *out, const struct popart_module *m)
{
	static const struct word caps[] = { { POPART_AUTH_BLOCKS, "may wait" },
		{ POPART_AUTH_SERIAL, "one call at a time" },
		{ POPART_AUTH_ACT_AS, "users may act as others" }, { 0, NULL } };
	const struct popart_auth_ops *a = m->auth;
	const struct word ops[] = { { a->check_password != NULL, "check_password" },
		{ a->fetch_secret != NULL, "fetch_secret" },
		{ a->check_token != NULL, "check_token" }, { a->lookup != NULL, "lookup" },
		{ a->iterate != NULL, "iterate" }, { a->check_quick != NULL, "check_quick" },
		{ m->accounts != NULL, "accounts" }, { 0, NULL } };

	buf_add_str(out, "# auth:");
	add_words(out, 1, ops, " ");
	add_words(out, a->caps, caps, "; ");
	buf_add_str(out, "\n");
}

static void add_option(struct buf *out, const struct popart_opt *o)
{
	static const struct word flags[] = { { POPART_OPT_TEMPLATE, "template" },
		{ POPART_OPT_SECRET, "secret" }, { POPART_OPT_ADVANCED, "advanced" },
		{ POPART_OPT_BESIDE, "with others beside it" }, { 0, NULL } };
	size_t known = sizeof(types) / sizeof(types[0]);

	buf_printf(out, "# option %s: %s", o->name, o->type < known ? types[o->type] : "?");
	for (size_t i = 0; o->type == POPART_OPT_ENUM && o->choices && o->choices[i]; i++)
		buf_printf(out, " %s", o->choices[i]);
	if (o->min || o->max) {
		buf_add_str(out, " ");
		value_add_amount(out, o, o->min);
		buf_add_str(out, " to ");
		value_add_amount(out, o, o->max);
	}
	add_words(out, o->flags, flags, ", ");
	if (o->flags & POPART_OPT_REQUIRED)
		buf_add_str(out, ", required");
	else if (o->fallback)
		buf_printf(out, ", default %s", o->fallback[0] ? o->fallback : "\"\"");
	buf_printf(out, ": %s\n", o->help ? o->help : "");
}

void describe(struct buf *out, const struct popart_module *m)
{
	const char *row;

	add_identity(out, m);
	if (m->storage)
		add_storage(out, m->storage);
	if (m->auth)
		add_auth(out, m);
	for (row = (const char *)m->options; row; row += m->opt_stride) {
		const struct popart_opt *o = (const void *)row;

		if (!o->name)
			break;
		add_option(out, o);
	}
	for (row = (const char *)m->stats; row; row += m->stat_stride) {
		const struct popart_stat *s = (const void *)row;

		if (!s->name)
			break;
		buf_printf(out, "# %s %s: %s\n",
			s->kind == POPART_STAT_GAUGE ? "gauge" : "counter", s->name,
			s->help ? s->help : "");
	}
}

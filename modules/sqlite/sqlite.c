/* SPDX-License-Identifier: MIT */
/* The module: options, counters, and an instance's life. */
#include "store.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATH_LEN_MAX 4000u

static const struct popart_opt options[] = {
	{ .name = "path",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_REQUIRED | POPART_OPT_TEMPLATE,
		.help = "The database with a user's mail." },
	{ .name = "quota",
		.type = POPART_OPT_SIZE,
		.fallback = "0",
		.help = "How much mail a user may have; 0: no limit." },
	{ .name = "lock_timeout",
		.type = POPART_OPT_MSEC,
		.min = 100,
		.max = INT64_C(600) * 1000,
		.fallback = "10s",
		.help = "How long to wait for a database that another program has locked." },
	{ .name = "connections",
		.type = POPART_OPT_INT,
		.flags = POPART_OPT_ADVANCED,
		.min = 0,
		.max = 1024,
		.fallback = "32",
		.help = "How many databases each worker keeps open between commands." },
	{ .name = NULL },
};

static const struct popart_stat stats[] = {
	[STAT_REMOVED] = { "messages-removed", POPART_STAT_COUNTER, 0,
		"Messages removed at QUIT." },
	[STAT_DELIVERED] = { "messages-delivered", POPART_STAT_COUNTER, 0, "Messages put in." },
	[STAT_DELIVERED_OCTETS] = { "octets-delivered", POPART_STAT_COUNTER, 0,
		"Octets of them." },
	[STAT_OVER_QUOTA] = { "over-quota", POPART_STAT_COUNTER, 0,
		"Deliveries refused because of a quota." },
	[STAT_SPOOLED] = { "messages-spooled", POPART_STAT_COUNTER, 0,
		"Messages that were too large to be collected in memory." },
	[STAT_PAGES_FREED] = { "pages-freed", POPART_STAT_COUNTER, 0,
		"Pages by which databases were made smaller." },
	{ .name = NULL },
};

void count(const struct store *s, const struct popart_call *call, enum stat_index i, int64_t by)
{
	if (by)
		s->host->stat_add(s->inst, call, (uint32_t)i, by);
}

int store_path(struct store *s, const struct popart_call *call, const struct popart_user *user,
	const char **path)
{
	struct popart_str text;
	int status = s->host->expand(s->inst, call, s->conf, "path", user, &text);

	if (status)
		return status;
	if (text.len == 0 || text.ptr[0] != '/' || text.ptr[text.len - 1] == '/' ||
		text.len > PATH_LEN_MAX)
		return s->host->fail(s->inst, call, POPART_R_PERM, NULL, 0,
			"path = \"%.*s\" must be the absolute path of a file, of at most %u "
			"octets",
			(int)text.len, text.ptr, PATH_LEN_MAX);
	*path = text.ptr;
	return POPART_OK;
}

static int check(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf)
{
	struct popart_str path = host->conf_str(conf, "path");

	if (path.len == 0 || (path.ptr[0] != '/' && path.ptr[0] != '%'))
		return host->fail(inst, NULL, POPART_R_PERM, NULL, 0,
			"path = \"%.*s\" must be absolute: begin it with '/' or with %%h",
			(int)path.len, path.ptr);
	if (!sqlite3_threadsafe())
		return host->fail(inst, NULL, POPART_R_PERM, NULL, 0,
			"this SQLite was built without threads; popart needs one with them");
	return POPART_OK;
}

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return host->fail(inst, NULL, POPART_E_NOMEM, NULL, ENOMEM, "out of memory");
	*s = (struct store){ .host = host,
		.inst = inst,
		.conf = conf,
		.quota = (uint64_t)host->conf_int(conf, "quota"),
		.dbs = { .host = host,
			.inst = inst,
			.schema = &schema_mail,
			.queries = store_queries,
			.lock_timeout_ms = host->conf_int(conf, "lock_timeout"),
			.max = (unsigned)host->conf_int(conf, "connections") } };
	dbs_init(&s->dbs);
	*state = s;
	return POPART_OK;
}

static void stop(void *state)
{
	struct store *s = state;

	dbs_close(&s->dbs);
	free(s);
}

static const struct popart_storage_ops storage = {
	.size = sizeof(storage),
	.caps = POPART_STORE_ATOMIC_COMMIT,
	.maildrop_id = drop_id,
	.open = drop_open,
	.list = drop_list,
	.message = message_open,
	.commit = drop_commit,
	.close = drop_close,
	.deliver_begin = deliver_begin,
	.deliver_write = deliver_write,
	.deliver_finish = deliver_finish,
	.deliver_abandon = deliver_abandon,
};

POPART_MODULE(sqlite, .version = POPART_VERSION, .license = "MIT",
	.summary = "mail in SQLite databases, one for each user", .options = options,
	.stats = stats, .storage = &storage, .check = check, .start = start, .stop = stop);

/* SPDX-License-Identifier: MIT */
/* The module: options, counters, and an instance's life. */
#include "store.h"
#include <errno.h>
#include <stdlib.h>
#include "../secrets/verify.h"
#include "accounts.h"

#define PATH_LEN_MAX 4000u

static const struct popart_opt options[] = {
	{ .name = "path",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_TEMPLATE | POPART_OPT_BESIDE,
		.help = "For storage: the database with a user's mail." },
	{ .name = "users",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_BESIDE,
		.help = "For auth: the database with all users." },
	{ .name = "query",
		.type = POPART_OPT_STRING,
		.help = "A SELECT that finds :user in tables of another program." },
	{ .name = "track_logins",
		.type = POPART_OPT_BOOL,
		.fallback = "false",
		.help = "Write into the users' database when somebody last logged in." },
	{ .name = "auth_cache_ttl",
		.type = POPART_OPT_MSEC,
		.min = 0,
		.max = INT64_C(7) * 24 * 3600 * 1000,
		.fallback = "1h",
		.help = "How long a password that was right is remembered; 0 for not at all." },
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
		.fallback = "64",
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
	[STAT_CACHE_HITS] = { "cache-hits", POPART_STAT_COUNTER, 0,
		"Logins with a password that was remembered." },
	[STAT_HASH_CHECKS] = { "hash-checks", POPART_STAT_COUNTER, 0,
		"Passwords held against a hash." },
	[STAT_LOGINS_FORGOTTEN] = { "logins-forgotten", POPART_STAT_COUNTER, 0,
		"Logins that track_logins had no time to write." },
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
	int status;

	if (s->accounts)
		return s->host->fail(s->inst, call, POPART_R_PERM, NULL, 0,
			"this block has no option path, and so no mail; users is for auth");
	status = s->host->expand(s->inst, call, s->conf, "path", user, &text);
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
	struct popart_str users = host->conf_str(conf, "users");
	struct popart_str query = host->conf_str(conf, "query");

	if ((path.len > 0) == (users.len > 0))
		return host->fail(inst, NULL, POPART_R_PERM, NULL, 0,
			"a storage block has path, an auth block has users; one of them");
	if (users.len && users.ptr[0] != '/')
		return host->fail(inst, NULL, POPART_R_PERM, NULL, 0,
			"users = \"%.*s\" must be absolute: begin it with '/'", (int)users.len,
			users.ptr);
	if (query.len && (path.len || host->conf_int(conf, "track_logins")))
		return host->fail(inst, NULL, POPART_R_PERM, NULL, 0,
			"query only reads, and belongs to users: not to path, nor to "
			"track_logins");
	if (users.len)
		return query.len ? accounts_check(host, inst, query.ptr) : POPART_OK;
	if (path.len == 0 || (path.ptr[0] != '/' && path.ptr[0] != '%'))
		return host->fail(inst, NULL, POPART_R_PERM, NULL, 0,
			"path = \"%.*s\" must be absolute: begin it with '/' or with %%h",
			(int)path.len, path.ptr);
	if (!sqlite3_threadsafe())
		return host->fail(inst, NULL, POPART_R_PERM, NULL, 0,
			"this SQLite was built without threads; popart needs one with them");
	return POPART_OK;
}

static void stop(void *state)
{
	struct store *s = state;

	accounts_close(&s->accounts);
	dbs_close(&s->dbs);
	free(s);
}

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	struct store *s = calloc(1, sizeof(*s));
	int status = POPART_OK;

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
	if (host->conf_str(conf, "users").len)
		status = accounts_open(host, inst, conf, &s->accounts);
	if (status)
		stop(s);
	else
		*state = s;
	return status;
}

/* crypt(3) works in 32 KiB. */
static int thread_start(void *state, uint32_t thread, void **thread_state)
{
	const struct store *s = state;
	struct verifier *v = s->accounts ? verifier_new() : NULL;

	(void)thread;
	*thread_state = v;
	return v || !s->accounts ? POPART_OK : POPART_E_NOMEM;
}

static void thread_stop(void *state, uint32_t thread, void *thread_state)
{
	struct verifier *v = thread_state;

	(void)state;
	(void)thread;
	verifier_free(&v);
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
	.check = check_run,
};

POPART_MODULE(sqlite, .version = POPART_VERSION, .license = "MIT",
	.summary = "mail in SQLite databases, one for each user, and users in one",
	.options = options, .stats = stats, .auth = &accounts_ops, .storage = &storage,
	.check = check, .start = start, .thread_start = thread_start,
	.thread_stop = thread_stop, .stop = stop, .accounts = &accounts_change_ops);

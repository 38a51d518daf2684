/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>
#include "abi/rig.h"
#include "host/instance.h"
#include "suites.h"

static bool begin(struct rig *r)
{
	rig_init(r, NULL);
	rig_auth(r, "a", NULL);
	rig_storage(r, "s", NULL);
	bool up = rig_load(r);
	CU_ASSERT(up);
	return up;
}

static void identity(void)
{
	struct rig r;

	if (begin(&r)) {
		const struct popart_host *t = &r.host->table;
		CU_ASSERT_EQUAL(t->size, sizeof(*t));
		CU_ASSERT_EQUAL(t->api_major, POPART_API_MAJOR);
		CU_ASSERT_EQUAL(t->threads, RIG_THREADS);
		CU_ASSERT_EQUAL(t->role, POPART_ROLE_WORKER);
		CU_ASSERT(strncmp(t->server_id, "popartd ", 8) == 0);
		CU_ASSERT_EQUAL(host_needs(r.host), POPART_NEEDS_NETWORK);
	}
	rig_free(&r);
}

static void fail_records(void)
{
	struct rig r;

	if (begin(&r)) {
		struct popart_instance *inst = r.host->instances[1];
		const struct popart_host *t = &r.host->table;
		struct host_call c;

		host_call_begin(&c, r.host, 0, 1, INT64_MAX);
		CU_ASSERT_EQUAL(t->fail(inst, &c.pub, POPART_R_PERM, "ask us", 13, "a %d", 1),
			POPART_R_PERM);
		CU_ASSERT_EQUAL(c.status, POPART_R_PERM);
		CU_ASSERT_EQUAL(c.os_error, 13);
		CU_ASSERT(view_eq(buf_view(&c.client), VIEW_LIT("ask us")));
		CU_ASSERT(view_eq(buf_view(&c.detail), VIEW_LIT("a 1")));
		/* The last one counts; an internal failure has no text for the client. */
		CU_ASSERT_EQUAL(
			t->fail(inst, &c.pub, POPART_E_IO, "ask us", 0, "b"), POPART_E_IO);
		CU_ASSERT_EQUAL(c.client.len, 0);
		CU_ASSERT_EQUAL(c.os_error, 0);
		/* Success cannot be failed with. */
		CU_ASSERT_EQUAL(t->fail(inst, &c.pub, POPART_OK, NULL, 0, "c"), POPART_E_BUG);
		/* Longer than anything has room for. */
		CU_ASSERT_EQUAL(t->fail(inst, &c.pub, POPART_R_TEMP, NULL, 0, "%5000d", 1),
			POPART_R_TEMP);
		CU_ASSERT(c.detail.len > 100 && !c.detail.failed);
		host_call_end(&c);
		/* Without a call there is a line in the log. */
		CU_ASSERT_EQUAL(t->fail(inst, NULL, POPART_E_IO, NULL, 0, "in the background"),
			POPART_E_IO);
		char *log = rig_log(&r);
		CU_ASSERT_PTR_NOT_NULL(strstr(log, "text=\"in the background\""));
		free(log);
	}
	rig_free(&r);
}

static void log_lines(void)
{
	struct rig r;

	if (begin(&r)) {
		struct popart_instance *inst = r.host->instances[1];
		struct host_call c;

		host_call_begin(&c, r.host, 0, 0x7f, INT64_MAX);
		c.peer = VIEW_LIT("::1");
		c.user = VIEW_LIT("o'neil \n event=login");
		r.host->table.log(inst, &c.pub, POPART_LOG_WARN, "two\nlines of %s", "text");
		host_call_end(&c);
		r.host->table.log(inst, NULL, 99, "word");
		char *log = rig_log(&r);
		const char *line = strstr(log,
			" warn event=module process=test rip=::1 "
			"session=000000000000007f module=planted instance=s text=\"");
		CU_ASSERT_PTR_NOT_NULL(line);
		if (line) /* one line, the user last and unable to imitate a field */
			CU_ASSERT_PTR_NOT_NULL(
				strstr(line, "user=\"o'neil \\x0a event=login\"\n"));
		CU_ASSERT_PTR_NOT_NULL(strstr(log, " debug event=module"));
		CU_ASSERT_PTR_NOT_NULL(strstr(log, "instance=s text=\"word\"\n"));
		free(log);
	}
	rig_free(&r);
}

static void scratch(void)
{
	struct rig r;

	if (begin(&r)) {
		struct host_call c;
		char *all[100];

		host_call_begin(&c, r.host, 0, 1, INT64_MAX);
		for (size_t i = 0; i < 100; i++) {
			all[i] = r.host->table.scratch(&c.pub, 1000 + i);
			CU_ASSERT_PTR_NOT_NULL(all[i]);
			if (all[i])
				memset(all[i], (int)i, 1000 + i);
		}
		for (size_t i = 0; i < 100; i++)
			CU_ASSERT(all[i] && all[i][999] == (char)i);
		CU_ASSERT_PTR_NULL(r.host->table.scratch(&c.pub, (size_t)1 << 40));
		CU_ASSERT_PTR_NULL(r.host->table.scratch(NULL, 1));
		host_call_end(&c);
	}
	rig_free(&r);
}

static void small_things(void)
{
	struct rig r;

	if (begin(&r)) {
		const struct popart_host *t = &r.host->table;
		unsigned char a[64] = { 0 }, b[64] = { 0 };

		CU_ASSERT_EQUAL(t->random(a, sizeof(a)), POPART_OK);
		CU_ASSERT(memcmp(a, b, sizeof(a)) != 0);
		t->wipe(a, sizeof(a));
		CU_ASSERT(memcmp(a, b, sizeof(a)) == 0);
		int64_t before = t->now_ms();
		CU_ASSERT(t->now_ms() >= before);
		CU_ASSERT_EQUAL(t->stop_asked(NULL), 0);
	}
	rig_free(&r);
}

struct job {
	struct rig *rig;
	unsigned thread;
};

static void *add_many(void *arg)
{
	struct job *j = arg;
	struct popart_instance *inst = j->rig->host->instances[1];
	struct host_call c;

	host_call_begin(&c, j->rig->host, j->thread, 1, INT64_MAX);
	for (int i = 0; i < 10000; i++) {
		j->rig->host->table.stat_add(inst, &c.pub, 0, 3);
		j->rig->host->table.stat_add(inst, NULL, 1, -1);
		j->rig->host->table.stat_add(inst, &c.pub, 7, 1); /* there is none */
	}
	host_call_end(&c);
	return NULL;
}

struct taken {
	const struct host *host;
	int64_t found[2];
};

static void take(void *ctx, unsigned instance, unsigned stat, int64_t value)
{
	struct taken *taken = ctx;
	const struct popart_stat *row = host_stat_row(taken->host, instance, stat);

	CU_ASSERT_PTR_NOT_NULL_FATAL(row);
	if (instance == taken->host->ninstances - 1)
		taken->found[strcmp(row->name, "calls") == 0 ? 0 : 1] = value;
	else
		CU_ASSERT_EQUAL(value, 0);
}

static void counters(void)
{
	pthread_t threads[RIG_THREADS];
	struct job jobs[RIG_THREADS];
	struct taken taken = { .host = NULL };
	struct rig r;

	if (begin(&r)) {
		for (unsigned i = 0; i < RIG_THREADS; i++) {
			jobs[i] = (struct job){ .rig = &r, .thread = i };
			CU_ASSERT_EQUAL(
				pthread_create(&threads[i], NULL, add_many, &jobs[i]), 0);
		}
		for (unsigned i = 0; i < RIG_THREADS; i++)
			pthread_join(threads[i], NULL);
		taken.host = r.host;
		host_each_stat(r.host, take, &taken);
		CU_ASSERT_EQUAL(taken.found[0], RIG_THREADS * 30000);
		CU_ASSERT_EQUAL(taken.found[1], RIG_THREADS * -10000);
	}
	rig_free(&r);
}

static void count_path(void *ctx, const char *path)
{
	*(int *)ctx += strcmp(path, "/srv/%u") == 0 ? 100 : 1;
}

static void dump(void)
{
	struct rig r;
	struct buf out;
	int paths = 0;

	rig_init(&r, NULL);
	rig_auth(&r, "a", "secret = \"hush-hush\";");
	rig_storage(&r, "s", NULL);
	CU_ASSERT(rig_load(&r));
	buf_init(&out, 65536);
	host_dump(r.host, &out);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&out), "name = \"a\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&out), "secret = \"(hidden)\""));
	CU_ASSERT_PTR_NULL(strstr(buf_cstr(&out), "hush-hush"));
	host_each_path(r.host, count_path, &paths);
	CU_ASSERT_EQUAL(paths, 202); /* two journals, two templates */
	buf_free(&out);
	rig_free(&r);
}

CU_TestInfo table_tests[] = {
	{ "who the host is", identity },
	{ "fail records, and returns its status", fail_records },
	{ "a module's lines", log_lines },
	{ "scratch memory", scratch },
	{ "random, wipe, time", small_things },
	{ "counters are summed over threads", counters },
	{ "effective options, secrets hidden", dump },
	CU_TEST_INFO_NULL,
};

/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>
#include <stdlib.h>
#include "abi/rig.h"
#include "suites.h"

/* A maildrop of a planted store, and one call to go on with. */
struct visit {
	struct rig rig;
	struct host_call call;
	struct host_identity *id;
	void *drop;
};

static void end(struct visit *v)
{
	store_close(&v->call, v->id->store, &v->drop);
	host_call_end(&v->call);
	host_identity_free(&v->id);
	for (unsigned i = 0; i < RIG_THREADS; i++)
		host_thread_stop(v->rig.host, i);
	host_stop(v->rig.host);
	rig_free(&v->rig);
}

static bool begin(struct visit *v, const char *planted, const char *options, int want)
{
	*v = (struct visit){ 0 };
	rig_init(&v->rig, planted);
	rig_auth(&v->rig, "auth", NULL);
	rig_storage(&v->rig, "mail", options);
	bool up = rig_start(&v->rig);
	CU_ASSERT(up);
	if (!up) {
		fprintf(stderr, "# %s", rig_said(&v->rig));
		rig_free(&v->rig);
		return false;
	}
	host_call_begin(&v->call, v->rig.host, 2, 0xbeef, INT64_MAX);
	CU_ASSERT_EQUAL(host_auth_lookup(&v->call, VIEW_LIT("demo"), &v->id), POPART_OK);
	v->call.user = VIEW_LIT("demo\" level=error");
	v->call.peer = VIEW_LIT("192.0.2.7");
	int status = store_open(&v->call, v->id, &v->drop);
	CU_ASSERT_EQUAL(status, want);
	CU_ASSERT((status == POPART_OK) == (v->drop != NULL));
	return true;
}

static void log_has(struct visit *v, const char *text)
{
	char *log = rig_log(&v->rig);

	CU_ASSERT_PTR_NOT_NULL(strstr(log, text));
	if (!strstr(log, text))
		fprintf(stderr, "# the log has no: %s\n# %s", text, log);
	free(log);
}

static void open_close(void)
{
	struct visit v;

	if (!begin(&v, NULL, "path = \"/var/mail/%n\";", POPART_OK))
		return;
	store_close(&v.call, v.id->store, &v.drop);
	CU_ASSERT_PTR_NULL(v.drop);
	store_close(&v.call, v.id->store, &v.drop); /* nothing to close */
	char *journal = rig_journal(&v.rig);
	CU_ASSERT_PTR_NOT_NULL(strstr(journal, "/var/mail/demo 0;close 2;"));
	free(journal);
	end(&v);
}

static int never(void *ctx, struct popart_str user)
{
	(void)ctx;
	(void)user;
	return 1;
}

/* What tools ask, of a module that knows nothing of it. */
static void for_tools(void)
{
	struct popart_check check = { .size = sizeof(check) };
	uint64_t key = 0, again = 1;
	struct visit v;

	if (!begin(&v, "old", "maildrop_id = 9;", POPART_OK))
		return;
	CU_ASSERT_PTR_EQUAL(host_storage_named(v.rig.host, VIEW_LIT("mail")), v.id->store);
	CU_ASSERT_PTR_NULL(host_storage_named(v.rig.host, VIEW_LIT("auth")));
	CU_ASSERT_EQUAL(host_identity_use(&v.call, v.id, v.id->store), POPART_OK);
	CU_ASSERT_EQUAL(store_lock_key(&v.call, v.id, &key), POPART_OK);
	CU_ASSERT_EQUAL(store_lock_key(&v.call, v.id, &again), POPART_OK);
	CU_ASSERT_EQUAL(key, again);
	CU_ASSERT_EQUAL(store_check(&v.call, v.id, &check), POPART_R_UNSUPPORTED);
	CU_ASSERT_PTR_NULL(store_hidden_fields(v.id->store));
	CU_ASSERT_EQUAL(host_auth_iterate(&v.call, NULL, never), POPART_R_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(buf_cstr(&v.call.detail), "auth \"auth\" cannot list its users"));
	end(&v);
}

static void failures(void)
{
	struct visit v;

	if (!begin(&v, NULL, "open = 2; say = \"held by mutt\";", POPART_R_IN_USE))
		return;
	/* Reportable: both texts are for the caller. */
	CU_ASSERT(view_eq(buf_view(&v.call.client), VIEW_LIT("for the client")));
	CU_ASSERT(view_eq(buf_view(&v.call.detail), VIEW_LIT("open: held by mutt")));
	end(&v);

	if (!begin(&v, NULL, "open = -3; say = \"index is torn\";", POPART_E_CORRUPT))
		return;
	/* Internal: the client learns nothing, the log everything, user last and harmless. */
	CU_ASSERT_EQUAL(v.call.client.len, 0);
	log_has(&v,
		"event=module_failed process=test rip=192.0.2.7 session=000000000000beef "
		"module=planted instance=mail call=mail.open status=corrupt "
		"error=\"No such file or directory\" text=\"open: index is torn\" "
		"user=\"demo\\\" level=error\"\n");
	end(&v);

	if (!begin(&v, NULL, "open = -500; say = \"from the future\";", POPART_E_BUG))
		return;
	log_has(&v, "status=bug");
	end(&v);
	if (begin(&v, NULL, "open = 500;", POPART_R_TEMP))
		end(&v);
	if (begin(&v, NULL, "flaw = \"no_drop\";", POPART_E_BUG)) {
		log_has(&v, "open succeeded without a maildrop");
		end(&v);
	}
}

static void sources(void)
{
	static const char *const flaws[][2] = {
		{ "kind", "message gave a source of unknown kind" },
		{ "fd", "message gave a source without descriptor" },
		{ "mem", "message gave a source without memory" },
		{ "read", "message gave a source without read function" },
		{ "far", "message gave a source past the end of any file" },
		{ "body", "message gave a source whose body begins after its end" },
	};

	for (size_t i = 0; i < ARRAY_LEN(flaws); i++) {
		struct popart_source src;
		struct visit v;
		char options[64];

		snprintf(options, sizeof(options), "flaw = \"%s\";", flaws[i][0]);
		if (!begin(&v, NULL, options, POPART_OK))
			return;
		CU_ASSERT_EQUAL(
			store_message(&v.call, v.id->store, v.drop, 1, &src), POPART_E_BUG);
		CU_ASSERT_PTR_NULL(src.release);
		log_has(&v, flaws[i][1]);
		char *journal = rig_journal(&v.rig); /* it was released all the same */
		CU_ASSERT_PTR_NOT_NULL(strstr(journal, "release 0;"));
		free(journal);
		end(&v);
	}
}

static void good_source(void)
{
	struct popart_source src;
	struct visit v;

	if (!begin(&v, NULL, NULL, POPART_OK))
		return;
	CU_ASSERT_EQUAL(store_message(&v.call, v.id->store, v.drop, 1, &src), POPART_OK);
	CU_ASSERT_EQUAL(src.length, 5);
	store_release(&v.call, v.id->store, &src);
	store_release(&v.call, v.id->store, &src); /* once only */
	char *journal = rig_journal(&v.rig);
	char *first = strstr(journal, "release 0;");
	CU_ASSERT_PTR_NOT_NULL(first);
	if (first)
		CU_ASSERT_PTR_NULL(strstr(first + 1, "release 0;"));
	free(journal);
	end(&v);
}

static void reads(void)
{
	static const struct {
		const char *options;
		int64_t want;
	} cases[] = { { "flaw = \"too_long\";", POPART_E_BUG },
		{ "flaw = \"early\";", POPART_E_BUG } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct popart_source src;
		struct visit v;
		char octets[8];

		if (!begin(&v, NULL, cases[i].options, POPART_OK))
			return;
		CU_ASSERT_EQUAL(
			store_message(&v.call, v.id->store, v.drop, 1, &src), POPART_OK);
		CU_ASSERT_EQUAL(store_read(&v.call, v.id->store, &src, octets, sizeof(octets)),
			cases[i].want);
		store_release(&v.call, v.id->store, &src);
		end(&v);
	}
}

/* A commit is never cancelled, whatever the server is about to do. */
static void commit(void)
{
	uint64_t refs[3] = { 1, 2, 3 };
	struct popart_msg_sink sink = { .size = sizeof(sink) };
	size_t removed = 99;
	struct visit v;

	if (!begin(&v, NULL, NULL, POPART_OK))
		return;
	v.call.pub.deadline_ms = 1;
	CU_ASSERT_EQUAL(store_list(&v.call, v.id->store, v.drop, &sink), POPART_E_CANCELLED);
	v.call.pub.deadline_ms = INT64_MAX;
	atomic_store(&v.rig.stopping, 1);
	CU_ASSERT_EQUAL(store_list(&v.call, v.id->store, v.drop, &sink), POPART_E_CANCELLED);
	v.call.pub.deadline_ms = 1;
	CU_ASSERT_EQUAL(
		store_commit(&v.call, v.id->store, v.drop, refs, 3, &removed), POPART_OK);
	CU_ASSERT_EQUAL(removed, 3);
	CU_ASSERT_EQUAL(v.call.pub.deadline_ms, 1);
	end(&v);

	if (!begin(&v, NULL, "commit = 10;", POPART_OK))
		return;
	CU_ASSERT_EQUAL(store_commit(&v.call, v.id->store, v.drop, refs, 3, &removed),
		POPART_R_PARTIAL);
	CU_ASSERT(removed <= 3);
	end(&v);
}

static void maildrop_ids(void)
{
	static const struct {
		const char *options;
		int want;
		size_t len;
	} cases[] = { { "maildrop_id = 16;", POPART_OK, 16 },
		{ "maildrop_id = 64;", POPART_OK, 64 },
		{ "maildrop_id = 65;", POPART_E_BUG, 0 },
		{ "maildrop_id = 0;", POPART_E_BUG, 0 },
		{ "maildrop_id = -1;", POPART_E_IO, 0 } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct visit v;
		char id[64];
		size_t len = 7;

		if (!begin(&v, NULL, cases[i].options, POPART_OK))
			return;
		CU_ASSERT_EQUAL(store_maildrop_id(&v.call, v.id, id, &len), cases[i].want);
		CU_ASSERT_EQUAL(len, cases[i].len);
		end(&v);
	}
}

static void renewal(void)
{
	struct visit v;

	if (!begin(&v, NULL, NULL, POPART_OK))
		return;
	CU_ASSERT_EQUAL(store_renew_ms(v.id->store), 5000);
	CU_ASSERT_EQUAL(store_renew(&v.call, v.id->store, v.drop), POPART_E_UNAVAIL);
	CU_ASSERT_FALSE(host_store_blocks(v.id->store));
	end(&v);

	/* An older module has no such member, though there are octets in its place. */
	if (!begin(&v, "old", NULL, POPART_OK))
		return;
	CU_ASSERT_EQUAL(store_renew_ms(v.id->store), 0);
	CU_ASSERT_EQUAL(store_renew(&v.call, v.id->store, v.drop), POPART_OK);
	end(&v);
}

/* A store that nothing is removed from has no commit to be called. */
static void read_only(void)
{
	const uint64_t refs[] = { 1 };
	size_t removed = 7;
	struct visit v;

	if (!begin(&v, "read_only", NULL, POPART_OK))
		return;
	CU_ASSERT_EQUAL(
		store_commit(&v.call, v.id->store, v.drop, refs, 1, &removed), POPART_R_PERM);
	CU_ASSERT_EQUAL(removed, 0);
	end(&v);
}

static void doing(void)
{
	char where[HOST_DOING_SIZE] = "";
	struct visit v;

	if (!begin(&v, NULL, NULL, POPART_OK))
		return;
	v.call.doing = where;
	struct popart_msg_sink sink = { .size = sizeof(sink) };
	CU_ASSERT_EQUAL(store_list(&v.call, v.id->store, v.drop, &sink), POPART_OK);
	CU_ASSERT_STRING_EQUAL(where, "mail.list");
	CU_ASSERT_STRING_EQUAL(v.call.op, "mail.list");
	store_close(&v.call, v.id->store, &v.drop);
	CU_ASSERT_STRING_EQUAL(where, "mail.close");
	v.call.doing = NULL;
	end(&v);
}

CU_TestInfo store_tests[] = {
	{ "open and close", open_close },
	{ "what tools ask", for_tools },
	{ "what fails, and where it is told", failures },
	{ "sources that cannot be worked with", sources },
	{ "a source is released once", good_source },
	{ "reads that break their promise", reads },
	{ "a commit is never cancelled", commit },
	{ "a store without commit", read_only },
	{ "maildrop ids", maildrop_ids },
	{ "leases, and modules that have none", renewal },
	{ "what a thread is doing", doing },
	CU_TEST_INFO_NULL,
};

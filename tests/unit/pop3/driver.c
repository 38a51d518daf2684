/* SPDX-License-Identifier: MIT */
#include <popart/driver.h>

#include <stdlib.h>

#include "pop3/source.h"
#include "support/memstore.h"
#include "unit/pop3/suites.h"

struct rig {
	struct memstore *store;
	struct popart_session_conf session;
	struct popart_driver_conf conf;
	struct popart_driver *driver;
	struct popart_io io;
	char out[4096];
};

static void rig_start(struct rig *r)
{
	*r = (struct rig){ .store = memstore_new() };
	memstore_add(r->store, "a", VIEW_LIT("A: 1\n\nbody\n"));
	r->session = (struct popart_session_conf){ .size = sizeof(r->session),
		.flags = POPART_SESSION_PASSWORDS | POPART_SESSION_STRICT };
	r->conf = (struct popart_driver_conf){ .size = sizeof(r->conf),
		.session = &r->session,
		.storage = &memstore_ops,
		.storage_state = r->store };
	r->io = (struct popart_io){
		.size = sizeof(r->io), .out = r->out, .out_cap = sizeof(r->out)
	};
}

static enum popart_want say(struct rig *r, const char *text)
{
	if (!r->driver)
		r->driver = popart_driver_new(
			&r->conf, 0, VIEW_NONE, VIEW_NONE, VIEW_LIT("<1@x>"), NULL);
	r->io.out_len = 0;
	r->io.in = text;
	r->io.in_len = strlen(text);
	return popart_driver_run(r->driver, &r->io);
}

static bool heard(const struct rig *r, const char *text)
{
	return view_ends(view_of(r->out, r->io.out_len), view_str(text));
}

static void rig_end(struct rig *r)
{
	popart_driver_free(&r->driver);
	CU_ASSERT(memstore_opened(r->store) == 0 && memstore_held(r->store) == 0);
	memstore_free(&r->store);
}

/* Without an auth table everybody is let in; without md5 there is no stamp. */
static void test_no_auth(void)
{
	struct rig r;

	rig_start(&r);
	CU_ASSERT(say(&r, "") == POPART_WANT_INPUT);
	CU_ASSERT(heard(&r, "+OK POP3 server ready\r\n"));
	CU_ASSERT(say(&r, "USER who\nPASS ever\n") == POPART_WANT_INPUT);
	CU_ASSERT(heard(&r, "+OK 1 messages (14 octets)\r\n"));
	CU_ASSERT(memstore_opened(r.store) == 1);
	rig_end(&r);
}

/* A driver that is freed in the middle of a message leaves nothing open. */
static void test_free_in_message(void)
{
	struct rig r;

	rig_start(&r);
	r.io.out_cap = POPART_OUT_MIN;
	for (int i = 0; i < 3; i++) {
		char text[3000];

		memset(text, 'x', sizeof(text));
		memstore_add(r.store, i ? i > 1 ? "d" : "c" : "b", view_of(text, sizeof(text)));
	}
	CU_ASSERT(say(&r, "USER who\nPASS ever\nRETR 2\nDELE 1\nQUIT\n") == POPART_WANT_OUTPUT);
	CU_ASSERT(memstore_held(r.store) == 1);
	popart_driver_free(&r.driver);
	CU_ASSERT(memstore_count(r.store) == 4 && memstore_commits(r.store) == 0);
	rig_end(&r);
}

/* Names become upper case; what has a "!" is refused. */
static int upper(struct popart_str raw, int secret, char *out, size_t *len)
{
	if (raw.len > *len || view_has(raw, '!'))
		return -1;
	for (size_t i = 0; i < raw.len; i++)
		out[i] = (char)(!secret && raw.ptr[i] >= 'a' ? raw.ptr[i] - 32 : raw.ptr[i]);
	*len = raw.len;
	return 0;
}

static int check(void *state, const struct popart_call *call, const struct popart_login *login,
	struct popart_str password, struct popart_auth_reply *reply)
{
	(void)call;
	(void)password;
	*(bool *)state = view_eq(login->user, VIEW_LIT("WHO"));
	CU_ASSERT(reply->set_attr(reply, VIEW_LIT("home"), VIEW_LIT("/x")) == POPART_OK);
	return reply->set_user(reply, VIEW_LIT("owner"));
}

static void test_prepare(void)
{
	const struct popart_auth_ops ops = { .size = sizeof(ops), .check_password = check };
	bool prepared = false;
	struct rig r;

	rig_start(&r);
	memstore_add_for(r.store, VIEW_LIT("owner"), "own", VIEW_LIT("x\n"));
	r.conf.auth = &ops;
	r.conf.auth_state = &prepared;
	r.conf.prepare = upper;
	CU_ASSERT(say(&r, "USER w!o\nPASS x\n") == POPART_WANT_INPUT);
	CU_ASSERT(heard(&r, "-ERR [AUTH] user name or password is wrong\r\n"));
	CU_ASSERT(say(&r, "USER who\nPASS x\nLIST\n") == POPART_WANT_INPUT);
	CU_ASSERT(prepared && heard(&r, "1 14\r\n2 3\r\n.\r\n"));
	rig_end(&r);
}

static void test_cut_sends_nothing(void)
{
	struct rig r;

	rig_start(&r);
	memstore_source(r.store, POPART_SRC_READ, 0, 4);
	CU_ASSERT(say(&r, "USER who\nPASS x\n") == POPART_WANT_INPUT);
	memstore_fail(r.store, MEMSTORE_READ, 2, POPART_E_IO);
	CU_ASSERT(say(&r, "RETR 1\n") == POPART_WANT_DONE);
	CU_ASSERT(r.io.out_len == 0);
	rig_end(&r);
}

CU_TestInfo driver_tests[] = {
	{ "no auth table, no md5", test_no_auth },
	{ "freed in the middle of a message", test_free_in_message },
	{ "names are prepared; auth names the owner", test_prepare },
	{ "a cut connection gets no more octets", test_cut_sends_nothing },
	CU_TEST_INFO_NULL,
};

/* SPDX-License-Identifier: MIT */
#include <popart/driver.h>

#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* Turns until the client has to act; what the client could read of it by then. */
static int turns(struct rig *r, const int pair[2], char *got, size_t cap, size_t *len)
{
	int wants;

	*len = 0;
	do {
		wants = popart_driver_turn(r->driver, pair[0]);
		ssize_t n = recv(pair[1], got + *len, cap - *len, MSG_DONTWAIT);
		*len += n > 0 ? (size_t)n : 0;
	} while (wants == POLLOUT);
	return wants;
}

static void put(const int pair[2], const char *text)
{
	size_t len = strlen(text);

	CU_ASSERT(send(pair[1], text, len, 0) == (ssize_t)len);
}

static void test_turns(void)
{
	static char text[300000], got[400000];
	int small = 4096, pair[2];
	struct rig r;
	size_t len;

	rig_start(&r);
	memset(text, 'x', sizeof(text));
	memstore_add(r.store, "b", view_of(text, sizeof(text)));
	r.driver = popart_driver_new(&r.conf, 0, VIEW_NONE, VIEW_NONE, VIEW_NONE, NULL);
	CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CU_ASSERT(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
	CU_ASSERT(turns(&r, pair, got, sizeof(got), &len) == POLLIN);
	CU_ASSERT(view_eq(view_of(got, len), VIEW_LIT("+OK POP3 server ready\r\n")));
	CU_ASSERT(popart_driver_turn(r.driver, pair[0]) == POLLIN); /* and waits for nothing */
	put(pair, "USER a\nPASS b\nRETR 2\nQU");
	CU_ASSERT(turns(&r, pair, got, sizeof(got), &len) == POLLIN);
	CU_ASSERT(len > sizeof(text) && view_ends(view_of(got, len), VIEW_LIT("x\r\n.\r\n")));
	put(pair, "IT\n");
	CU_ASSERT(turns(&r, pair, got, sizeof(got), &len) == 0);
	CU_ASSERT(view_eq(view_of(got, len), VIEW_LIT("+OK good bye\r\n")));
	close(pair[0]);
	close(pair[1]);
	rig_end(&r);
}

/* Who goes away, in order or not, ends the session without update. */
static void test_turns_end(void)
{
	static char text[300000], got[400];
	int small = 4096, pair[2];
	size_t len;

	for (int in_message = 0; in_message < 2; in_message++) {
		struct rig r;
		rig_start(&r);
		memset(text, 'x', sizeof(text));
		memstore_add(r.store, "b", view_of(text, sizeof(text)));
		r.driver = popart_driver_new(&r.conf, 0, VIEW_NONE, VIEW_NONE, VIEW_NONE, NULL);
		CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
		CU_ASSERT(
			setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
		CU_ASSERT(turns(&r, pair, got, sizeof(got), &len) == POLLIN);
		put(pair, "USER a\nPASS b\nDELE 1\n");
		CU_ASSERT(turns(&r, pair, got, sizeof(got), &len) == POLLIN);
		if (in_message) {
			put(pair, "RETR 2\nQUIT\n");
			CU_ASSERT(popart_driver_turn(r.driver, pair[0]) == POLLOUT);
		}
		close(pair[1]);
		CU_ASSERT(popart_driver_turn(r.driver, pair[0]) == 0);
		popart_driver_free(&r.driver);
		CU_ASSERT(memstore_count(r.store) == 2 && memstore_commits(r.store) == 0);
		close(pair[0]);
		rig_end(&r);
	}
}

static void test_wire_size(void)
{
	static const struct {
		const char *text;
		uint64_t size;
	} rows[] = { { "", 0 }, { "a", 3 }, { "a\n", 3 }, { "a\r\n", 3 }, { "\n\n", 4 },
		{ "a\r", 4 }, { ".\n..\n", 7 }, { "\r\r\n\n", 5 } };
	int fd = memfd_create("message", MFD_CLOEXEC);
	static char text[40000];
	uint64_t size = 1;

	CU_ASSERT_FATAL(fd >= 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = strlen(rows[i].text);
		CU_ASSERT(ftruncate(fd, 0) == 0 &&
			pwrite(fd, rows[i].text, len, 0) == (ssize_t)len);
		CU_ASSERT(popart_driver_wire_size(fd, &size) == POPART_OK);
		CU_ASSERT(size == rows[i].size);
	}
	/* Whatever piece a line end falls into. */
	memset(text, '\n', sizeof(text));
	for (size_t i = 0; i < sizeof(text) - 1; i += 2)
		text[i] = '\r';
	text[1] = 'x';
	CU_ASSERT(pwrite(fd, text, sizeof(text), 0) == (ssize_t)sizeof(text));
	CU_ASSERT(popart_driver_wire_size(fd, &size) == POPART_OK && size == sizeof(text));
	CU_ASSERT(lseek(fd, 0, SEEK_CUR) == 0);
	close(fd);
	CU_ASSERT(popart_driver_wire_size(fd, &size) == POPART_E_IO);
}

/* A store that nothing is removed from needs no commit. */
static void test_read_only(void)
{
	struct popart_storage_ops ops = memstore_ops;
	struct rig r;

	rig_start(&r);
	ops.caps = POPART_STORE_READ_ONLY;
	ops.commit = NULL;
	r.conf.storage = &ops;
	CU_ASSERT(say(&r, "USER who\nPASS x\nDELE 1\n") == POPART_WANT_INPUT);
	CU_ASSERT(say(&r, "QUIT\n") == POPART_WANT_OUTPUT);
	CU_ASSERT(
		heard(&r, "-ERR [SYS/PERM] 1 of 1 deleted messages could not be removed\r\n"));
	rig_end(&r);
}

CU_TestInfo driver_tests[] = {
	{ "no auth table, no md5", test_no_auth },
	{ "freed in the middle of a message", test_free_in_message },
	{ "names are prepared; auth names the owner", test_prepare },
	{ "a cut connection gets no more octets", test_cut_sends_nothing },
	{ "turns with a socket", test_turns },
	{ "a socket whose other end is gone", test_turns_end },
	{ "the size of a message in a file", test_wire_size },
	{ "a store without commit", test_read_only },
	CU_TEST_INFO_NULL,
};

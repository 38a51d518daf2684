/* SPDX-License-Identifier: MIT */
#include <popart/session.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "pop3/state.h"
#include "unit/pop3/suites.h"

/* A session with two messages; wants are met by the test itself. */
struct talk {
	struct popart_session_conf conf;
	struct popart_session *session;
	struct popart_io io;
	struct popart_step step;
	char out[4096];
	uint32_t mismatches, internals;
	uint64_t removed;
	char reason[40];
};

static void on_event(void *user, const struct popart_event *e)
{
	struct talk *t = user;

	t->mismatches += e->kind == POPART_EVENT_SIZE_MISMATCH;
	t->internals += e->kind == POPART_EVENT_INTERNAL;
	if (e->kind == POPART_EVENT_COMMIT)
		t->removed += e->count;
	if (e->kind == POPART_EVENT_END)
		memcpy(t->reason, e->text.ptr, e->text.len + 1);
}

static void talk_start(struct talk *t)
{
	*t = (struct talk){ .conf = { .size = sizeof(t->conf),
				    .flags = POPART_SESSION_PASSWORDS,
				    .event = on_event } };
	t->session = popart_session_new(&t->conf, 0, VIEW_NONE, t);
	CU_ASSERT_FATAL(t->session != NULL);
	t->io = (struct popart_io){
		.size = sizeof(t->io), .out = t->out, .out_cap = sizeof(t->out)
	};
}

static enum popart_want step(struct talk *t)
{
	return popart_session_step(t->session, &t->io, &t->step);
}

static enum popart_want say(struct talk *t, const char *text)
{
	t->io.in = text;
	t->io.in_len = strlen(text);
	return step(t);
}

/* What the client has read since the last time. */
static bool heard(struct talk *t, const char *text)
{
	bool same = view_eq(view_of(t->out, t->io.out_len), view_str(text));

	t->io.out_len = 0;
	return same;
}

static void open_two(struct talk *t, uint64_t size)
{
	struct popart_msg_sink *sink = popart_session_sink(t->session);
	struct popart_msg m[2] = { { .ref = 70, .wire_size = size, .uid = { "a", 1 } },
		{ .ref = 80,
			.wire_size = size,
			.uid = { "b", 1 },
			.flags = POPART_MSG_SIZE_HINT } };

	CU_ASSERT(sink->add(sink, m, 2, sizeof(m[0])) == POPART_OK);
	popart_session_open_done(t->session, POPART_OK, VIEW_NONE);
}

static void login(struct talk *t, uint64_t size)
{
	talk_start(t);
	CU_ASSERT_FATAL(say(t, "USER u\r\nPASS p\r\n") == POPART_WANT_AUTH);
	popart_session_auth_done(t->session, POPART_OK, VIEW_NONE);
	CU_ASSERT_FATAL(step(t) == POPART_WANT_OPEN);
	open_two(t, size);
	CU_ASSERT_FATAL(step(t) == POPART_WANT_INPUT);
	t->io.out_len = 0;
}

static void talk_end(struct talk *t, const char *reason)
{
	CU_ASSERT_STRING_EQUAL(t->reason, reason);
	popart_session_free(&t->session);
	CU_ASSERT(t->session == NULL);
	popart_session_free(&t->session);
}

static void test_auth_want(void)
{
	struct popart_str text = VIEW_LIT("[x] come back\r\n+OK tomorrow");
	struct talk t;

	talk_start(&t);
	CU_ASSERT(say(&t, "USER me\r\nPASS a b \r\nNOOP\r\n") == POPART_WANT_AUTH);
	/* Unanswered, it is repeated; what follows waits. */
	CU_ASSERT(step(&t) == POPART_WANT_AUTH);
	CU_ASSERT(view_eq(t.step.mechanism, VIEW_LIT("USER")));
	CU_ASSERT(view_eq(t.step.user, VIEW_LIT("me")) && t.step.act_as.len == 0);
	CU_ASSERT(view_eq(t.step.secret, VIEW_LIT("a b ")));
	CU_ASSERT(t.io.in_len == 6);
	t.io.out_len = 0;
	popart_session_auth_done(t.session, POPART_R_PERM, text);
	CU_ASSERT(step(&t) == POPART_WANT_INPUT);
	CU_ASSERT(heard(
		&t, "-ERR [SYS/PERM] (x] come back  +OK tomorrow\r\n-ERR log in first\r\n"));
	t.io.in_eof = 1;
	CU_ASSERT(step(&t) == POPART_WANT_DONE && !(t.step.flags & POPART_STEP_CUT));
	CU_ASSERT(step(&t) == POPART_WANT_DONE);
	talk_end(&t, "client-closed");
}

static void test_idle_memory(void)
{
	struct talk t;

	login(&t, 3);
	CU_ASSERT(!t.session->line.ptr && !t.session->login && !t.session->stamp);
	CU_ASSERT(!t.session->note && !t.session->refs && !t.session->message);
	CU_ASSERT(t.session->drop.cap == 2 &&
		t.session->drop.uids.cap == t.session->drop.uids.len);
	CU_ASSERT(say(&t, "NO") == POPART_WANT_INPUT);
	CU_ASSERT(t.session->line.cap <= 512);
	CU_ASSERT(say(&t, "OP\r\n") == POPART_WANT_INPUT);
	CU_ASSERT(heard(&t, "+OK\r\n") && !t.session->line.ptr);
	popart_session_abort(t.session, "kicked");
	CU_ASSERT(step(&t) == POPART_WANT_CLOSE);
	CU_ASSERT(step(&t) == POPART_WANT_DONE && t.step.flags & POPART_STEP_CUT);
	talk_end(&t, "kicked");
}

/* Everything is flushed before COMMIT, the answer before CLOSE. */
static void test_quit_order(void)
{
	struct talk t;

	login(&t, 3);
	CU_ASSERT(say(&t, "DELE 2\r\nQUIT\r\n") == POPART_WANT_OUTPUT);
	CU_ASSERT(heard(&t, "+OK message 2 deleted\r\n"));
	CU_ASSERT(step(&t) == POPART_WANT_COMMIT);
	CU_ASSERT(step(&t) == POPART_WANT_COMMIT);
	CU_ASSERT(t.step.nrefs == 1 && t.step.refs[0] == 80);
	popart_session_commit_done(t.session, POPART_R_TEMP, VIEW_LIT("disk busy"), 0);
	CU_ASSERT(step(&t) == POPART_WANT_OUTPUT);
	CU_ASSERT(heard(&t,
		"-ERR [SYS/TEMP] 1 of 1 deleted messages could not be removed: "
		"disk busy\r\n"));
	CU_ASSERT(step(&t) == POPART_WANT_CLOSE);
	CU_ASSERT(step(&t) == POPART_WANT_DONE && !(t.step.flags & POPART_STEP_CUT));
	talk_end(&t, "quit");
}

static void test_quit_unmarked(void)
{
	struct talk t;

	login(&t, 3);
	CU_ASSERT(say(&t, "QUIT\r\n") == POPART_WANT_CLOSE);
	CU_ASSERT(step(&t) == POPART_WANT_DONE);
	CU_ASSERT(heard(&t, "+OK good bye\r\n"));
	talk_end(&t, "quit");
}

static const struct popart_source wire_source = { .size = sizeof(wire_source),
	.kind = POPART_SRC_FD,
	.form = POPART_FORM_CRLF | POPART_FORM_NO_DOTS | POPART_FORM_ENDS_LINE,
	.length = 12 };

static void test_direct(void)
{
	struct talk t;

	login(&t, 12);
	CU_ASSERT(say(&t, "RETR 1\r\n") == POPART_WANT_MESSAGE && t.step.ref == 70);
	popart_session_message_done(t.session, POPART_OK, VIEW_NONE, &wire_source);
	CU_ASSERT(step(&t) == POPART_WANT_BODY && t.step.flags & POPART_STEP_DIRECT);
	CU_ASSERT(heard(&t, "+OK 12 octets\r\n"));
	CU_ASSERT(t.step.offset == 0 && t.step.length == 12);
	popart_session_body_sent(t.session, 5);
	CU_ASSERT(step(&t) == POPART_WANT_BODY && t.step.flags & POPART_STEP_DIRECT);
	CU_ASSERT(t.step.offset == 5 && t.step.length == 7);
	/* The rest in the ordinary way. */
	t.io.body = "\r\nabc\r\nmore";
	t.io.body_len = 11;
	CU_ASSERT(step(&t) == POPART_WANT_RELEASE);
	CU_ASSERT(t.step.ref == 70 && t.step.wire_sent == 12);
	CU_ASSERT(t.io.body_len == 0);
	CU_ASSERT(heard(&t, "\r\nabc\r\n.\r\n"));
	CU_ASSERT(step(&t) == POPART_WANT_INPUT && t.mismatches == 0);
	CU_ASSERT(!t.session->message);
	/* All of it unseen. */
	CU_ASSERT(say(&t, "RETR 2\r\n") == POPART_WANT_MESSAGE && t.step.ref == 80);
	popart_session_message_done(t.session, POPART_OK, VIEW_NONE, &wire_source);
	CU_ASSERT(step(&t) == POPART_WANT_BODY);
	t.io.out_len = 0;
	popart_session_body_sent(t.session, 12);
	CU_ASSERT(step(&t) == POPART_WANT_RELEASE && t.step.wire_sent == 12);
	CU_ASSERT(heard(&t, ".\r\n"));
	/* TOP counts lines, so it must see them. */
	CU_ASSERT(say(&t, "TOP 2 0\r\n") == POPART_WANT_MESSAGE);
	popart_session_message_done(t.session, POPART_OK, VIEW_NONE, &wire_source);
	CU_ASSERT(step(&t) == POPART_WANT_BODY && !(t.step.flags & POPART_STEP_DIRECT));
	popart_session_abort(t.session, "send-failed");
	CU_ASSERT(step(&t) == POPART_WANT_RELEASE && t.step.wire_sent == 0);
	CU_ASSERT(step(&t) == POPART_WANT_CLOSE);
	CU_ASSERT(step(&t) == POPART_WANT_DONE && t.step.flags & POPART_STEP_CUT);
	talk_end(&t, "send-failed");
}

static void test_size_mismatch(void)
{
	struct popart_session_stats stats;
	struct talk t;

	login(&t, 11);
	t.session->flags |= POPART_SESSION_STRICT; /* the second is a hint: no abort */
	CU_ASSERT(say(&t, "RETR 2\r\n") == POPART_WANT_MESSAGE);
	popart_session_message_done(t.session, POPART_OK, VIEW_NONE, &wire_source);
	CU_ASSERT(step(&t) == POPART_WANT_BODY);
	popart_session_body_sent(t.session, 12);
	CU_ASSERT(step(&t) == POPART_WANT_RELEASE && t.step.wire_sent == 12);
	popart_session_stats(t.session, &stats);
	CU_ASSERT(stats.size_mismatches == 1 && stats.retrieved == 1);
	CU_ASSERT(stats.octets_sent == 12 && stats.state == POPART_STATE_TRANSACTION);
	CU_ASSERT(t.mismatches == 1);
	popart_session_abort(t.session, "kicked");
	CU_ASSERT(step(&t) == POPART_WANT_CLOSE && step(&t) == POPART_WANT_DONE);
	talk_end(&t, "kicked");
}

/* The source may give back what was not taken, when the output fills. */
static void test_body_dropped(void)
{
	static const char text[] = "0123456789\n0123456789\n";
	struct popart_source src = {
		.size = sizeof(src), .kind = POPART_SRC_FD, .length = sizeof(text) - 1
	};
	struct buf got;
	struct talk t;
	enum popart_want want;

	buf_init(&got, 4096);
	login(&t, 24);
	CU_ASSERT(say(&t, "RETR 1\r\n") == POPART_WANT_MESSAGE);
	popart_session_message_done(t.session, POPART_OK, VIEW_NONE, &src);
	while ((want = step(&t)) != POPART_WANT_RELEASE) {
		buf_add(&got, view_of(t.out, t.io.out_len));
		t.io.out_len = 0;
		t.io.out_cap = got.len < 15 ? 512 : 7;
		t.io.body_len = 0;
		if (want == POPART_WANT_BODY) {
			t.io.body = text + t.step.offset;
			t.io.body_len = (size_t)t.step.length;
		}
	}
	buf_add(&got, view_of(t.out, t.io.out_len));
	CU_ASSERT(view_eq(buf_view(&got),
		VIEW_LIT("+OK 24 octets\r\n0123456789\r\n0123456789\r\n.\r\n")));
	buf_free(&got);
	popart_session_abort(t.session, "kicked");
	CU_ASSERT(step(&t) == POPART_WANT_CLOSE && step(&t) == POPART_WANT_DONE);
	talk_end(&t, "kicked");
}

/* Whatever is under way, an abort releases and closes what was opened, and no more. */
static void test_abort_while_waiting(void)
{
	struct talk t;

	talk_start(&t);
	CU_ASSERT(say(&t, "USER u\r\nPASS p\r\n") == POPART_WANT_AUTH);
	popart_session_abort(t.session, "login-timeout");
	popart_session_auth_done(t.session, POPART_OK, VIEW_NONE);
	CU_ASSERT(step(&t) == POPART_WANT_DONE);
	talk_end(&t, "login-timeout");

	talk_start(&t);
	CU_ASSERT(say(&t, "USER u\r\nPASS p\r\n") == POPART_WANT_AUTH);
	popart_session_auth_done(t.session, POPART_OK, VIEW_NONE);
	CU_ASSERT(step(&t) == POPART_WANT_OPEN);
	popart_session_abort(t.session, "shutdown");
	open_two(&t, 3);
	CU_ASSERT(step(&t) == POPART_WANT_CLOSE && step(&t) == POPART_WANT_DONE);
	talk_end(&t, "shutdown");

	login(&t, 12);
	CU_ASSERT(say(&t, "DELE 1\r\nRETR 2\r\nQUIT\r\n") == POPART_WANT_MESSAGE);
	popart_session_abort(t.session, "lock-lost");
	popart_session_message_done(t.session, POPART_OK, VIEW_NONE, &wire_source);
	CU_ASSERT(step(&t) == POPART_WANT_RELEASE && t.step.ref == 80);
	CU_ASSERT(step(&t) == POPART_WANT_CLOSE && step(&t) == POPART_WANT_DONE);
	talk_end(&t, "lock-lost");
}

/* What a commit has removed is told, whether the abort comes before its answer or behind. */
static void test_abort_at_commit(void)
{
	struct popart_session_stats stats;
	struct talk t;

	for (int late = 0; late < 2; late++) {
		login(&t, 3);
		CU_ASSERT(say(&t, "DELE 1\r\nQUIT\r\n") == POPART_WANT_OUTPUT);
		t.io.out_len = 0;
		CU_ASSERT(step(&t) == POPART_WANT_COMMIT);
		if (late)
			popart_session_abort(t.session, "idle-timeout");
		popart_session_commit_done(t.session, POPART_OK, VIEW_NONE, 1);
		popart_session_abort(t.session, "idle-timeout");
		CU_ASSERT(step(&t) == POPART_WANT_CLOSE && step(&t) == POPART_WANT_DONE);
		CU_ASSERT(t.io.out_len == 0);
		popart_session_stats(t.session, &stats);
		CU_ASSERT(stats.deleted == 1 && t.removed == 1);
		talk_end(&t, "idle-timeout");
	}
}

/* A store that swallows the sink's refusal, and one whose source is of no kind. */
static void test_broken_modules(void)
{
	struct popart_msg bad = { .ref = 1, .uid = { "a b", 3 } };
	struct popart_source none = { .size = sizeof(none) };
	struct popart_msg_sink *sink;
	struct talk t;

	talk_start(&t);
	CU_ASSERT(say(&t, "USER u\r\nPASS p\r\n") == POPART_WANT_AUTH);
	popart_session_auth_done(t.session, POPART_OK, VIEW_NONE);
	CU_ASSERT(step(&t) == POPART_WANT_OPEN);
	sink = popart_session_sink(t.session);
	CU_ASSERT(sink->add(sink, &bad, 1, sizeof(bad)) == POPART_E_BUG);
	popart_session_open_done(t.session, POPART_OK, VIEW_NONE);
	CU_ASSERT(step(&t) == POPART_WANT_CLOSE && step(&t) == POPART_WANT_DONE);
	CU_ASSERT(t.internals == 1);
	talk_end(&t, "internal-error");

	login(&t, 3);
	CU_ASSERT(say(&t, "RETR 1\r\n") == POPART_WANT_MESSAGE);
	popart_session_message_done(t.session, POPART_OK, VIEW_NONE, &none);
	CU_ASSERT(step(&t) == POPART_WANT_RELEASE);
	CU_ASSERT(heard(&t, "-ERR [SYS/TEMP] internal error; try again later\r\n"));
	CU_ASSERT(step(&t) == POPART_WANT_CLOSE && step(&t) == POPART_WANT_DONE);
	talk_end(&t, "internal-error");
}

static void test_reasons(void)
{
	const char *const *r = popart_session_reasons();
	size_t n = 0;

	for (; r[n]; n += 2)
		CU_ASSERT(r[n + 1] && strlen(r[n]) < 40 && !strchr(r[n], ' '));
	CU_ASSERT(n >= 10);
}

enum { MANY = 10012, GONE = 100 };

/* Message `number` of many, as a line of a list. */
static size_t many_line(char line[80], unsigned number, bool uid)
{
	if (!uid)
		return (size_t)snprintf(line, 80, "%u %u\r\n", number, 7 * number);
	if (number % 3 == 0)
		return (size_t)snprintf(line, 80, "%u u%u\r\n", number, number);
	return (size_t)snprintf(line, 80, "%u %032x\r\n", number, number * 2654435761u);
}

static void open_many(struct talk *t)
{
	struct popart_msg_sink *sink = popart_session_sink(t->session);

	for (unsigned number = 1; number <= MANY; number++) {
		struct popart_msg m = { .ref = number - 1, .wire_size = 7 * number };
		char line[80];
		size_t len = many_line(line, number, true);

		m.uid = view_of(line, len - 2);
		(void)view_cut(&m.uid, ' ');
		CU_ASSERT_FATAL(sink->add(sink, &m, 1, sizeof(m)) == POPART_OK);
	}
	popart_session_open_done(t->session, POPART_OK, VIEW_NONE);
}

/* An answer of many lines, as it comes out in pieces. */
static void expect_many(struct talk *t, bool uid)
{
	enum popart_want want = say(t, uid ? "UIDL\r\n" : "LIST\r\n");
	unsigned number = 0;
	struct buf all;

	buf_init(&all, 1 << 20);
	for (;;) {
		buf_add(&all, view_of(t->out, t->io.out_len));
		t->io.out_len = 0;
		if (want != POPART_WANT_OUTPUT)
			break;
		want = step(t);
	}

	struct popart_str rest = buf_view(&all);

	(void)view_cut(&rest, '\n');
	while (++number <= MANY) {
		char line[80];
		struct popart_str expected;

		expected = view_of(line, many_line(line, number, uid));
		if (number == GONE)
			continue;
		CU_ASSERT_FATAL(view_starts(rest, expected));
		rest = view_of(rest.ptr + expected.len, rest.len - expected.len);
	}
	CU_ASSERT(view_eq(rest, VIEW_LIT(".\r\n")));
	buf_free(&all);
}

static void test_long_lists(void)
{
	struct talk t;

	talk_start(&t);
	CU_ASSERT_FATAL(say(&t, "USER u\r\nPASS p\r\n") == POPART_WANT_AUTH);
	popart_session_auth_done(t.session, POPART_OK, VIEW_NONE);
	CU_ASSERT_FATAL(step(&t) == POPART_WANT_OPEN);
	open_many(&t);
	CU_ASSERT_FATAL(step(&t) == POPART_WANT_INPUT);
	CU_ASSERT(say(&t, "DELE 100\r\n") == POPART_WANT_INPUT);
	t.io.out_len = 0;
	expect_many(&t, true);
	expect_many(&t, false);
	popart_session_abort(t.session, "shutdown");
	while (step(&t) != POPART_WANT_DONE)
		;
	talk_end(&t, "shutdown");
}

CU_TestInfo session_tests[] = {
	{ "AUTH is repeated, then answered", test_auth_want },
	{ "an idle session holds no buffers", test_idle_memory },
	{ "QUIT: flush, commit, answer, close", test_quit_order },
	{ "QUIT without marks: close, answer", test_quit_unmarked },
	{ "octets that may go out unseen", test_direct },
	{ "a wrong size is told", test_size_mismatch },
	{ "body octets that were not taken are asked for again", test_body_dropped },
	{ "abort while an answer is awaited", test_abort_while_waiting },
	{ "abort at a commit", test_abort_at_commit },
	{ "modules that break the contract", test_broken_modules },
	{ "reasons", test_reasons },
	{ "long lists", test_long_lists },
	CU_TEST_INFO_NULL,
};

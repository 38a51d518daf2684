/* SPDX-License-Identifier: MIT */
#include <popart/driver.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "support/memstore.h"
#include "support/tap.h"

/*
 * Whatever a store does wrong, and whenever: the client reads a clear -ERR or finds the
 * connection cut. A short message never looks complete, nothing is removed that was not
 * asked for, and nothing stays open.
 */

#define TEXT(s)   ((struct popart_str){ .ptr = (s), .len = sizeof(s) - 1 })
#define NMESSAGES 3

static const char script[] = "USER demo\r\nPASS demo\r\nSTAT\r\nLIST\r\nUIDL\r\n"
			     "RETR 1\r\nDELE 1\r\nTOP 2 1\r\nRETR 2\r\nRETR 3\r\nDELE 3\r\n"
			     "QUIT\r\n";

/* What is stored, and what a RETR of it sends before dots are doubled. */
static const char *const stored[NMESSAGES] = {
	"Subject: one\n\n.\nline\n.\nlast line without its end",
	"Subject: two\r\n\r\nbody\r\n.dot\r\n..two\r\n",
	"Subject: three\n\nshort\n",
};
static const char *const wire[NMESSAGES] = {
	"Subject: one\r\n\r\n.\r\nline\r\n.\r\nlast line without its end\r\n",
	"Subject: two\r\n\r\nbody\r\n.dot\r\n..two\r\n",
	"Subject: three\r\n\r\nshort\r\n",
};
static const char top_of_two[] = "Subject: two\r\n\r\nbody\r\n";

static struct memstore *fill(enum popart_source_kind kind, size_t chunk)
{
	struct memstore *m = memstore_new();
	char uid[8];

	if (!m)
		abort();
	for (int i = 0; i < NMESSAGES; i++) {
		struct popart_str text = { .ptr = stored[i], .len = strlen(stored[i]) };
		snprintf(uid, sizeof(uid), "uid-%d", i + 1);
		memstore_add(m, uid, text);
	}
	memstore_source(m, kind, 0, chunk);
	return m;
}

/* What the client reads in a whole session. cut: where the server closed without sending
 * what it still had. */
struct transcript {
	char text[65536];
	size_t len;
};

/* The client waits for each answer before it goes on. */
static void give_command(struct popart_io *io)
{
	const char *end = strchr(io->in, '\n');

	if (end)
		io->in_len = (size_t)(end + 1 - io->in);
	else
		io->in_eof = 1;
}

static void count_mismatch(void *user, const struct popart_event *event)
{
	*(unsigned *)user += event->kind == POPART_EVENT_SIZE_MISMATCH;
}

/* How many messages had another size than was listed. */
static unsigned run(struct memstore *m, struct transcript *t)
{
	const struct popart_session_conf sessions = { .size = sizeof(sessions),
		.flags = POPART_SESSION_PASSWORDS,
		.expire_days = -2,
		.event = count_mismatch };
	const struct popart_driver_conf conf = { .size = sizeof(conf),
		.session = &sessions,
		.storage = &memstore_ops,
		.storage_state = m };
	unsigned mismatches = 0;
	struct popart_driver *d = popart_driver_new(
		&conf, 0, TEXT("127.0.0.1"), TEXT("127.0.0.1"), TEXT(""), &mismatches);
	char out[POPART_OUT_MIN];
	struct popart_io io = {
		.size = sizeof(io), .in = script, .out = out, .out_cap = sizeof(out)
	};
	enum popart_want want;

	t->len = 0;
	if (!d)
		abort();
	do {
		want = popart_driver_run(d, &io);
		if (t->len + io.out_len >= sizeof(t->text))
			abort();
		memcpy(t->text + t->len, io.out, io.out_len);
		t->len += io.out_len;
		io.out_len = 0;
		if (want == POPART_WANT_INPUT)
			give_command(&io);
	} while (want != POPART_WANT_DONE);
	t->text[t->len] = '\0';
	popart_driver_free(&d);
	return mismatches;
}

/* A line without its CRLF; NULL: there is no whole line any more. */
static char *next_line(char **rest)
{
	char *line = *rest, *end = strstr(line, "\r\n");

	if (!end)
		return NULL;
	*end = '\0';
	*rest = end + 2;
	return line;
}

/* The lines up to the final ".", dots taken off. False: it never comes. */
static bool read_lines(char **rest, char *body, size_t cap)
{
	size_t len = 0;
	char *line;

	while ((line = next_line(rest))) {
		if (strcmp(line, ".") == 0) {
			body[len] = '\0';
			return true;
		}
		if (line[0] == '.')
			line++;
		int n = snprintf(body + len, cap - len, "%s\r\n", line);
		if (n < 0 || (size_t)n >= cap - len)
			abort();
		len += (size_t)n;
	}
	return false;
}

struct outcome {
	bool logged_in, cut, quit_ok, quit_refused;
	unsigned errors, whole; /* -ERR replies; messages that came complete */
};

static bool is_multi_line(const char *command)
{
	return strncmp(command, "LIST", 4) == 0 || strncmp(command, "UIDL", 4) == 0 ||
		strncmp(command, "RETR", 4) == 0 || strncmp(command, "TOP", 3) == 0;
}

static void check_body(const char *command, const char *body, struct outcome *o)
{
	if (strncmp(command, "RETR", 4) == 0) {
		CU_ASSERT_STRING_EQUAL(body, wire[command[5] - '1']);
		o->whole++;
	}
	if (strncmp(command, "TOP", 3) == 0)
		CU_ASSERT_STRING_EQUAL(body, top_of_two);
}

/* Holds every reply against its command. */
static struct outcome judge(struct transcript *t)
{
	char commands[sizeof(script)], body[8192];
	char *todo = commands, *rest = t->text, *command, *line;
	struct outcome o = { 0 };

	memcpy(commands, script, sizeof(script));
	line = next_line(&rest);
	CU_ASSERT(line && strncmp(line, "+OK", 3) == 0);
	while ((command = next_line(&todo))) {
		line = next_line(&rest);
		if (!line) {
			o.cut = true;
			break;
		}
		bool ok = strncmp(line, "+OK", 3) == 0;
		CU_ASSERT(ok || strncmp(line, "-ERR", 4) == 0);
		CU_ASSERT(strlen(line) <= 510);
		o.errors += !ok;
		if (strncmp(command, "PASS", 4) == 0)
			o.logged_in = ok;
		if (strcmp(command, "QUIT") == 0) {
			o.quit_ok = ok;
			o.quit_refused = !ok;
		}
		if (ok && is_multi_line(command)) {
			if (!read_lines(&rest, body, sizeof(body))) {
				o.cut = true;
				break;
			}
			check_body(command, body, &o);
		}
	}
	return o;
}

/* One session; afterwards nothing is held, and only what was asked for is gone. */
static struct outcome session(struct memstore *m)
{
	static struct transcript t; /* too large for a stack */
	size_t before = memstore_count(m);

	CU_ASSERT_EQUAL(run(m, &t), 0);
	struct outcome o = judge(&t);
	CU_ASSERT_EQUAL(memstore_opened(m), 0);
	CU_ASSERT_EQUAL(memstore_held(m), 0);
	CU_ASSERT(memstore_has(m, 2)); /* nobody asked for that */
	if (!o.quit_ok && !o.quit_refused)
		CU_ASSERT_EQUAL(memstore_count(m), before);
	if (o.cut)
		CU_ASSERT_FALSE(o.quit_ok);
	return o;
}

static const struct {
	enum popart_source_kind kind;
	size_t chunk;
} kinds[] = { { POPART_SRC_MEM, 0 }, { POPART_SRC_FD, 0 }, { POPART_SRC_READ, 1 },
	{ POPART_SRC_READ, 7 }, { POPART_SRC_READ, 0 } };
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

static void no_fault(void)
{
	for (size_t i = 0; i < NKINDS; i++) {
		struct memstore *m = fill(kinds[i].kind, kinds[i].chunk);
		struct outcome o = session(m);

		CU_ASSERT(o.logged_in && o.quit_ok && !o.cut);
		CU_ASSERT_EQUAL(o.errors, 0);
		CU_ASSERT_EQUAL(o.whole, 3);
		CU_ASSERT_EQUAL(memstore_count(m), 1);
		CU_ASSERT_EQUAL(memstore_wire_sent(m, 3), strlen(wire[2]));
		memstore_free(&m);
	}
}

static void nth_call_fails(void)
{
	static const int statuses[] = { POPART_R_DENIED, POPART_R_IN_USE, POPART_R_TEMP,
		POPART_R_PERM, POPART_R_GONE, POPART_E_IO, POPART_E_NOMEM, POPART_E_CORRUPT,
		POPART_E_CANCELLED, POPART_E_BUG, 100, -100 };
	static const enum memstore_op ops[] = { MEMSTORE_OPEN, MEMSTORE_LIST, MEMSTORE_MESSAGE,
		MEMSTORE_COMMIT };

	for (size_t k = 0; k < NKINDS; k++) {
		for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
			for (size_t op = 0; op < 4; op++) {
				for (unsigned nth = 1; nth <= 5; nth++) {
					struct memstore *m =
						fill(kinds[k].kind, kinds[k].chunk);
					memstore_fail(m, ops[op], nth, statuses[i]);
					struct outcome o = session(m);
					bool met = memstore_calls(m, ops[op]) >= nth;
					CU_ASSERT_EQUAL(met, o.errors > 0 || o.cut);
					memstore_free(&m);
				}
			}
		}
	}
}

/* A read that fails after +OK: the connection is cut, at whatever octet. */
static void nth_read_fails(void)
{
	unsigned cuts = 0;

	for (size_t k = 2; k < NKINDS; k++) {
		for (unsigned nth = 1; nth <= 60; nth++) {
			struct memstore *m = fill(kinds[k].kind, kinds[k].chunk);
			memstore_fail(m, MEMSTORE_READ, nth, POPART_E_IO);
			struct outcome o = session(m);
			bool met = memstore_calls(m, MEMSTORE_READ) >= nth;
			CU_ASSERT_EQUAL(met, o.cut);
			CU_ASSERT_FALSE(o.cut && o.quit_ok);
			if (met)
				CU_ASSERT_EQUAL(memstore_count(m), NMESSAGES);
			cuts += met;
			memstore_free(&m);
		}
	}
	CU_ASSERT(cuts > 60);
}

/* A file that became shorter while it is read. */
static void source_is_short(void)
{
	for (size_t k = 0; k < NKINDS; k++) {
		if (kinds[k].kind == POPART_SRC_MEM)
			continue;
		for (uint64_t keep = 0; keep < strlen(stored[0]); keep += 5) {
			struct memstore *m = fill(kinds[k].kind, kinds[k].chunk);
			memstore_cut(m, 1, keep);
			struct outcome o = session(m);
			CU_ASSERT(o.cut);
			CU_ASSERT_EQUAL(o.whole, 0);
			CU_ASSERT_EQUAL(memstore_count(m), NMESSAGES);
			memstore_free(&m);
		}
	}
}

/* Nobody said how long it is, and it ends early without an error: that is the module's
 * word, and only what was listed tells. The embedder hears of it. */
static void source_ends_early(void)
{
	static struct transcript t;

	for (unsigned nth = 1; nth < 6; nth++) {
		struct memstore *m = fill(POPART_SRC_READ, 7);
		memstore_fail(m, MEMSTORE_READ, nth, POPART_OK);
		CU_ASSERT_EQUAL(run(m, &t), 1);
		CU_ASSERT_EQUAL(memstore_held(m), 0);
		memstore_free(&m);
	}
}

static void message_vanishes(void)
{
	static struct transcript t;
	struct memstore *m = fill(POPART_SRC_MEM, 0);

	/* Behind the back of a session that is open: by the hand of another. */
	memstore_fail(m, MEMSTORE_MESSAGE, 1, POPART_R_GONE);
	CU_ASSERT_EQUAL(run(m, &t), 0);
	struct outcome o = judge(&t);
	CU_ASSERT_EQUAL(o.errors, 1);
	CU_ASSERT_EQUAL(o.whole, 2); /* the others are unharmed */
	CU_ASSERT(o.quit_ok);
	CU_ASSERT_EQUAL(memstore_count(m), 1);
	memstore_free(&m);
}

static void commit_is_partial(void)
{
	struct memstore *m = fill(POPART_SRC_MEM, 0);

	memstore_fail(m, MEMSTORE_COMMIT, 1, POPART_R_PARTIAL);
	struct outcome o = session(m);
	CU_ASSERT(o.quit_refused);
	CU_ASSERT_EQUAL(memstore_count(m), 2); /* one of two */
	memstore_free(&m);
}

int main(int argc, char **argv)
{
	static CU_TestInfo tests[] = {
		{ "nothing goes wrong", no_fault },
		{ "the n-th call fails", nth_call_fails },
		{ "the n-th read fails", nth_read_fails },
		{ "a source is shorter than it said", source_is_short },
		{ "a source ends early without saying so", source_ends_early },
		{ "a message vanishes", message_vanishes },
		{ "a commit removes one half", commit_is_partial },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "faults", NULL, NULL, NULL, NULL, tests },
		CU_SUITE_INFO_NULL };

	return tap_main(argc, argv, "faults", suites);
}

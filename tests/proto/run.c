/* SPDX-License-Identifier: MIT */
/*
 * Plays dialogue files (see script.h) against session, driver and a store in memory, each
 * in many ways: input whole, octet by octet and in odd pieces; output buffers from the
 * smallest on; messages from memory, from a descriptor and from a reader. The client must
 * read the same octets every time. A TAP line per file: `run FILE...`, or all *.txt beside
 * this source.
 *
 * Set-ups and actions ("! ..."), done in the order of the file, when the client has sent
 * what stands before and read the answers:
 *
 *	message UID TEXT            a message in the maildrop
 *	user NAME PASSWORD          who may log in (else: demo, demo); act-as: may be anybody
 *	auth STATUS                 what the auth module says to the next logins
 *	passwords off               a connection on which none may be sent
 *	stamp <ID@HOST>             APOP is on
 *	hostname, implementation TEXT; expire DAYS; login-delay SECONDS; max-bad N;
 *	max-messages N
 *	source mem|read|fd FORM N   FORM: letters of POPART_FORM_*: c n e s, or -; N: piece
 *	lie REF DELTA, vanish REF, truncate REF KEEP, fail OP NTH STATUS
 *	busy yes|no                 the session lock is held by another session
 *	strict off                  a wrong size is not a reason to abort
 *	abort REASON                the embedder gives up
 *	half-close                  the client sends nothing more (always so at the end)
 *	cut                         the connection is to be cut: what was read may end early
 *	left N, commits N, locks N  at the end: messages, commits, locks taken in all
 */
#include <popart/driver.h>

#include <glob.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/script.h"
#include "support/memstore.h"

#define LONG_INPUT 30000u
#define LONG_PIECE 4096u

struct way {
	size_t piece; /* of input; 0: whole; SIZE_MAX: odd */
	size_t out_cap;
	enum popart_source_kind kind;
	size_t chunk;
};

static const struct way ways[] = {
	{ 0, 65536, POPART_SRC_MEM, 0 },
	{ 1, 65536, POPART_SRC_MEM, 0 },
	{ SIZE_MAX, 65536, POPART_SRC_MEM, 0 },
	{ 0, 1024, POPART_SRC_MEM, 0 },
	{ 1, 1024, POPART_SRC_FD, 0 },
	{ SIZE_MAX, 1025, POPART_SRC_FD, 0 },
	{ 0, 1031, POPART_SRC_READ, 1 },
	{ 1, 1500, POPART_SRC_READ, 7 },
	{ SIZE_MAX, 1024, POPART_SRC_READ, 1 },
	{ 0, 65536, POPART_SRC_READ, 4096 },
	{ SIZE_MAX, 2000, POPART_SRC_READ, 3 },
};

struct play {
	const struct script *script;
	const struct way *way;
	struct memstore *store;
	struct popart_session_conf session;
	struct popart_driver_conf conf;
	struct popart_driver *driver;
	struct popart_io io;
	struct buf user, password, stamp, hostname, implementation;
	bool act_as, busy, cut, source_set, done, eof;
	int auth_status;
	unsigned locked, locks;
	uint64_t left, commits, want_locks;
	char *out;
	struct buf got, events;
	uint32_t random;
	const char *failed;
};

#define UNSET UINT64_MAX

static const struct {
	const char *name;
	int status;
} statuses[] = {
	{ "OK", POPART_OK },
	{ "DENIED", POPART_R_DENIED },
	{ "IN_USE", POPART_R_IN_USE },
	{ "LOGIN_DELAY", POPART_R_LOGIN_DELAY },
	{ "TEMP", POPART_R_TEMP },
	{ "PERM", POPART_R_PERM },
	{ "GONE", POPART_R_GONE },
	{ "OVER_QUOTA", POPART_R_OVER_QUOTA },
	{ "UNSUPPORTED", POPART_R_UNSUPPORTED },
	{ "NEXT", POPART_R_NEXT },
	{ "PARTIAL", POPART_R_PARTIAL },
	{ "UNKNOWN", 99 },
	{ "E_IO", POPART_E_IO },
	{ "E_NOMEM", POPART_E_NOMEM },
	{ "E_CORRUPT", POPART_E_CORRUPT },
	{ "E_UNAVAIL", POPART_E_UNAVAIL },
	{ "E_BUG", POPART_E_BUG },
	{ "E_UNKNOWN", -99 },
};

static int status_of(struct play *p, struct popart_str name)
{
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (view_eq(name, view_str(statuses[i].name)))
			return statuses[i].status;
	p->failed = "no such status";
	return 0;
}

static const char *const event_names[] = { "?", "login", "login-failed", "sent",
	"size-mismatch", "commit", "bad", "internal", "end" };

static void on_event(void *user, const struct popart_event *e)
{
	struct play *p = user;
	struct popart_str text = e->text;

	buf_printf(&p->events, "%s %d %llu %llu", event_names[e->kind], (int)e->status,
		(unsigned long long)e->count, (unsigned long long)e->octets);
	if (text.len > 0) {
		buf_add_char(&p->events, ' ');
		buf_add(&p->events, text);
	}
	buf_add_char(&p->events, '\n');
}

static int on_lock(void *user, const void *id, size_t len)
{
	struct play *p = user;

	(void)id;
	(void)len;
	if (p->busy)
		return POPART_R_IN_USE;
	p->locked++;
	p->locks++;
	return POPART_OK;
}

static void on_unlock(void *user, const void *id, size_t len)
{
	struct play *p = user;

	(void)id;
	(void)len;
	p->locked--;
}

static int check_password(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_str password,
	struct popart_auth_reply *reply)
{
	struct play *p = state;

	(void)call;
	(void)reply;
	if (p->auth_status != POPART_OK)
		return p->auth_status;
	if (view_eq(login->user, buf_view(&p->user)) &&
		view_eq_secret(password, buf_view(&p->password)))
		return POPART_OK;
	return POPART_R_DENIED;
}

static int fetch_secret(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_auth_reply *reply)
{
	struct play *p = state;

	(void)call;
	if (!view_eq(login->user, buf_view(&p->user)))
		return POPART_R_DENIED;
	return reply->add_secret(
		reply, VIEW_LIT("plain"), buf_view(&p->password), VIEW_NONE, 0);
}

static const struct popart_auth_ops auth_ops = {
	.size = sizeof(auth_ops), .check_password = check_password, .fetch_secret = fetch_secret
};
static const struct popart_auth_ops auth_ops_act_as = { .size = sizeof(auth_ops_act_as),
	.caps = POPART_AUTH_ACT_AS,
	.check_password = check_password,
	.fetch_secret = fetch_secret };

static void md5(const void *text, size_t len, uint8_t digest[16])
{
	if (gnutls_hash_fast(GNUTLS_DIG_MD5, text, len, digest) != 0)
		abort();
}

static void set(struct play *p, struct buf *to, struct popart_str text)
{
	buf_reset(to);
	if (!script_unescape(to, text))
		p->failed = "a wrong escape";
}

static uint64_t number(struct play *p, struct popart_str word)
{
	uint64_t n = 0;

	if (!view_u64(word, UINT32_MAX, &n))
		p->failed = "a number was expected";
	return n;
}

/* The words behind `from` as they stood in the file. */
static struct popart_str words_from(const struct script_step *step, size_t from)
{
	const struct popart_str *last = &step->word[step->words - 1];

	if (step->words <= from)
		return VIEW_NONE;
	return view_of(
		step->word[from].ptr, (size_t)(last->ptr + last->len - step->word[from].ptr));
}

static void do_message(struct play *p, const struct script_step *step)
{
	struct buf text, uid;

	buf_init(&text, 64u << 20);
	buf_init(&uid, 4096);
	set(p, &text, words_from(step, 2));
	set(p, &uid, step->word[1]);
	memstore_add(p->store, buf_cstr(&uid), buf_view(&text));
	buf_free(&text);
	buf_free(&uid);
}

static void do_source(struct play *p, const struct script_step *step)
{
	enum popart_source_kind kind = POPART_SRC_MEM;
	uint32_t form = 0;

	if (view_eq(step->word[1], VIEW_LIT("fd")))
		kind = POPART_SRC_FD;
	if (view_eq(step->word[1], VIEW_LIT("read")))
		kind = POPART_SRC_READ;
	form |= view_has(step->word[2], 'c') ? POPART_FORM_CRLF : 0u;
	form |= view_has(step->word[2], 'n') ? POPART_FORM_NO_DOTS : 0u;
	form |= view_has(step->word[2], 'e') ? POPART_FORM_ENDS_LINE : 0u;
	form |= view_has(step->word[2], 's') ? POPART_FORM_STUFFED : 0u;
	memstore_source(p->store, kind, form, (size_t)number(p, step->word[3]));
	p->source_set = true;
}

static void do_fail(struct play *p, const struct script_step *step)
{
	static const char *const ops[] = { "open", "list", "message", "read", "commit" };

	for (unsigned i = 0; i < ARRAY_LEN(ops); i++)
		if (view_eq(step->word[1], view_str(ops[i]))) {
			memstore_fail(p->store, (enum memstore_op)i,
				(unsigned)number(p, step->word[2]),
				status_of(p, step->word[3]));
			return;
		}
	p->failed = "no such operation";
}

static void do_lie(struct play *p, const struct script_step *step)
{
	struct popart_str delta = step->word[2];
	bool less = delta.len > 0 && delta.ptr[0] == '-';

	if (less)
		delta = view_of(delta.ptr + 1, delta.len - 1);
	memstore_lie(p->store, number(p, step->word[1]),
		(less ? -1 : 1) * (int64_t)number(p, delta));
}

static void do_abort(struct play *p, const struct script_step *step)
{
	const char *const *r = popart_session_reasons();

	while (*r && !view_eq(step->word[1], view_str(*r)))
		r += 2;
	if (!*r)
		p->failed = "no such reason";
	else if (p->driver)
		popart_driver_abort(p->driver, *r);
}

/* Set-ups of one value. */
static bool do_setting(struct play *p, const struct script_step *step)
{
	struct popart_str name = step->word[0], text = words_from(step, 1);

	if (view_eq(name, VIEW_LIT("stamp")))
		set(p, &p->stamp, text);
	else if (view_eq(name, VIEW_LIT("hostname")))
		set(p, &p->hostname, text);
	else if (view_eq(name, VIEW_LIT("implementation")))
		set(p, &p->implementation, text);
	else if (view_eq(name, VIEW_LIT("expire")))
		p->session.expire_days =
			view_eq(text, VIEW_LIT("never")) ? -1 : (int32_t)number(p, text);
	else if (view_eq(name, VIEW_LIT("login-delay")))
		p->session.login_delay_s = (uint32_t)number(p, text);
	else if (view_eq(name, VIEW_LIT("max-bad")))
		p->session.max_bad_commands = (uint32_t)number(p, text);
	else if (view_eq(name, VIEW_LIT("max-messages")))
		p->session.max_messages = (uint32_t)number(p, text);
	else if (view_eq(name, VIEW_LIT("passwords")))
		p->session.flags &= ~(uint32_t)POPART_SESSION_PASSWORDS;
	else if (view_eq(name, VIEW_LIT("strict")))
		p->session.flags &= ~(uint32_t)POPART_SESSION_STRICT;
	else if (view_eq(name, VIEW_LIT("auth")))
		p->auth_status = status_of(p, text);
	else if (view_eq(name, VIEW_LIT("busy")))
		p->busy = view_eq(text, VIEW_LIT("yes"));
	else if (view_eq(name, VIEW_LIT("act-as")))
		p->conf.auth = &auth_ops_act_as;
	else if (view_eq(name, VIEW_LIT("cut")))
		p->cut = true;
	else if (view_eq(name, VIEW_LIT("half-close")))
		p->eof = true;
	else if (view_eq(name, VIEW_LIT("left")))
		p->left = number(p, text);
	else if (view_eq(name, VIEW_LIT("commits")))
		p->commits = number(p, text);
	else if (view_eq(name, VIEW_LIT("locks")))
		p->want_locks = number(p, text);
	else
		return false;
	return true;
}

static void do_action(struct play *p, const struct script_step *step)
{
	struct popart_str name = step->word[0];

	if (view_eq(name, VIEW_LIT("message"))) {
		do_message(p, step);
	} else if (view_eq(name, VIEW_LIT("user"))) {
		set(p, &p->user, step->word[1]);
		set(p, &p->password, words_from(step, 2));
	} else if (view_eq(name, VIEW_LIT("source"))) {
		do_source(p, step);
	} else if (view_eq(name, VIEW_LIT("fail"))) {
		do_fail(p, step);
	} else if (view_eq(name, VIEW_LIT("lie"))) {
		do_lie(p, step);
	} else if (view_eq(name, VIEW_LIT("vanish"))) {
		memstore_vanish(p->store, number(p, step->word[1]));
	} else if (view_eq(name, VIEW_LIT("truncate"))) {
		memstore_cut(p->store, number(p, step->word[1]), number(p, step->word[2]));
	} else if (view_eq(name, VIEW_LIT("abort"))) {
		do_abort(p, step);
	} else if (!do_setting(p, step)) {
		p->failed = "no such action";
	}
}

static void start(struct play *p)
{
	p->session.hostname = buf_view(&p->hostname);
	p->session.implementation = buf_view(&p->implementation);
	if (!p->source_set)
		memstore_source(p->store, p->way->kind, 0, p->way->chunk);
	p->driver = popart_driver_new(&p->conf, 0, VIEW_LIT("192.0.2.7"), VIEW_LIT("192.0.2.1"),
		buf_view(&p->stamp), p);
	if (!p->driver)
		abort();
}

static void flush(struct play *p)
{
	buf_add(&p->got, view_of(p->out, p->io.out_len));
	p->io.out_len = 0;
}

/* Runs until the session wants input. */
static void run(struct play *p)
{
	while (!p->done) {
		switch (popart_driver_run(p->driver, &p->io)) {
		case POPART_WANT_OUTPUT:
			flush(p);
			break;
		case POPART_WANT_DONE:
			p->done = true;
			flush(p);
			break;
		case POPART_WANT_INPUT:
		default:
			if (p->io.in_len > 0)
				p->failed = "input was left";
			flush(p);
			return;
		}
	}
}

/* Of very long input only the beginning is cut small. */
static size_t piece_of(struct play *p, size_t left)
{
	size_t n = p->way->piece;

	if (n == 0)
		return left;
	if (left > LONG_INPUT)
		n = LONG_PIECE;
	if (n == SIZE_MAX) {
		p->random = p->random * 1103515245u + 12345u;
		n = 1 + (p->random >> 16) % 23;
	}
	return n < left ? n : left;
}

/* Every piece is memory of its own, so that a sanitizer sees an octet too far. */
static void send(struct play *p, struct popart_str bytes, bool eof)
{
	do {
		size_t n = piece_of(p, bytes.len);
		char *copy = malloc(n > 0 ? n : 1);

		if (!copy)
			abort();
		if (n > 0)
			memcpy(copy, bytes.ptr, n);
		p->io.in = copy;
		p->io.in_len = n;
		bytes = view_of(bytes.ptr + n, bytes.len - n);
		p->io.in_eof = eof && bytes.len == 0;
		run(p);
		free(copy);
		p->io.in = NULL;
		p->io.in_len = 0;
	} while (bytes.len > 0 && !p->done && !p->failed);
}

static void play_steps(struct play *p)
{
	const struct script *s = p->script;

	for (size_t i = 0; i < s->nsteps && !p->failed; i++) {
		const struct script_step *step = &s->steps[i];
		/* The end of input comes together with the last octets. */
		bool eof = i + 1 == s->nsteps ||
			(s->steps[i + 1].kind == STEP_ACTION &&
				view_eq(s->steps[i + 1].word[0], VIEW_LIT("half-close")));

		if (step->kind == STEP_ACTION) {
			do_action(p, step);
			continue;
		}
		if (!p->driver)
			start(p);
		if (!p->done)
			send(p, buf_view(&step->bytes), eof);
	}
	if (!p->driver)
		start(p);
	if (!p->done && !p->failed)
		send(p, VIEW_NONE, true);
}

static void show(const char *what, struct popart_str text)
{
	while (text.len > 0) {
		struct popart_str line = view_cut(&text, '\n');
		int len = line.len < 200 ? (int)line.len : 200;

		printf("#   %s %.*s\n", what, len, line.ptr);
	}
}

static bool is_right(struct play *p)
{
	struct popart_str got = buf_view(&p->got), expect = buf_view(&p->script->expect);
	struct popart_str events = buf_view(&p->script->events);

	if (p->cut ? !view_starts(expect, got) : !view_eq(got, expect)) {
		p->failed = "the client read something else";
		show("expected", expect);
		show("got     ", got);
	} else if (events.len > 0 && !view_eq(events, buf_view(&p->events))) {
		p->failed = "other events";
		show("expected", events);
		show("got     ", buf_view(&p->events));
	} else if (!p->done) {
		p->failed = "the session did not end";
	} else if (p->left != UNSET && memstore_count(p->store) != p->left) {
		p->failed = "another number of messages is left";
	} else if (p->commits != UNSET && memstore_commits(p->store) != p->commits) {
		p->failed = "another number of commits";
	} else if (p->want_locks != UNSET && p->locks != p->want_locks) {
		p->failed = "another number of locks";
	} else if (memstore_opened(p->store) || memstore_held(p->store) || p->locked) {
		p->failed = "something is still open";
	}
	return !p->failed;
}

static bool play(const struct script *script, const struct way *way)
{
	struct play p = { .script = script, .way = way, .store = memstore_new() };
	struct buf *const bufs[] = { &p.user, &p.password, &p.stamp, &p.hostname,
		&p.implementation, &p.got, &p.events };

	for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
		buf_init(bufs[i], 64u << 20);
	buf_add_str(&p.user, "demo");
	buf_add_str(&p.password, "demo");
	p.left = p.commits = p.want_locks = UNSET;
	p.session = (struct popart_session_conf){ .size = sizeof(p.session),
		.flags = POPART_SESSION_PASSWORDS | POPART_SESSION_STRICT,
		.expire_days = -2,
		.event = on_event };
	p.conf = (struct popart_driver_conf){ .size = sizeof(p.conf),
		.session = &p.session,
		.storage = &memstore_ops,
		.storage_state = p.store,
		.auth = &auth_ops,
		.auth_state = &p,
		.md5 = md5,
		.lock = on_lock,
		.unlock = on_unlock };
	p.out = malloc(way->out_cap);
	p.io = (struct popart_io){
		.size = sizeof(p.io), .out = p.out, .out_cap = way->out_cap
	};
	if (!p.store || !p.out)
		abort();
	play_steps(&p);
	if (!p.failed)
		is_right(&p);
	popart_driver_free(&p.driver);
	memstore_free(&p.store);
	free(p.out);
	for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
		buf_free(bufs[i]);
	if (p.failed)
		printf("# %s (way %zu)\n", p.failed, (size_t)(way - ways));
	return !p.failed;
}

static bool run_file(const char *path, unsigned n)
{
	const char *slash = strrchr(path, '/');
	struct script script;
	bool ok = script_read(&script, path);

	for (size_t i = 0; ok && i < ARRAY_LEN(ways); i++)
		ok = play(&script, &ways[i]);
	printf("%s %u - %s:%s\n", ok ? "ok" : "not ok", n, slash ? slash + 1 : path,
		script.title ? script.title : "");
	script_free(&script);
	fflush(stdout);
	return ok;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("TEST_SRCDIR");
	glob_t found = { 0 };
	char pattern[4096];
	int failed = 0;

	snprintf(pattern, sizeof(pattern), "%s/tests/proto/*.txt", srcdir ? srcdir : ".");
	if (argc < 2 && glob(pattern, 0, NULL, &found) != 0) {
		printf("Bail out! no dialogues: %s\n", pattern);
		return EXIT_FAILURE;
	}
	if (argc < 2) {
		argc = (int)found.gl_pathc + 1;
		argv = found.gl_pathv - 1;
	}
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++)
		failed += !run_file(argv[i], (unsigned)i);
	globfree(&found);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

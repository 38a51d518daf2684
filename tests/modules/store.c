/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modules/target.h"
#include "check/complaints.h"
#include "support/tap.h"

/* What every store promises (include/popart/storage.h), asked of the one that target.h
 * stands for. */

#define TEXT(s)                                  \
	{                                        \
		.ptr = (s), .len = sizeof(s) - 1 \
	}

static const struct popart_str samples[] = {
	TEXT("Subject: plain\r\n\r\nbody\r\n"),
	TEXT("Subject: unix\n\nbody\nmore\n"),
	TEXT("Subject: mixed\r\n\nbody\r\n\n"),
	TEXT(""),
	TEXT("x"),
	TEXT("\n"),
	TEXT("\r"),
	TEXT("\r\n"),
	TEXT("no line end at all"),
	TEXT("ends in a lone carriage return\r"),
	TEXT("a bare \r in the middle\n"),
	TEXT("\r\r\n\r\n\n\r"),
	TEXT(".\n..\n...\r\n.dot\n"),
	TEXT("From nobody\n\n.\n"),
	TEXT("NUL \0 in it\0\n\0"),
	TEXT("\x80\xff\xfe 8-bit \xc3\xa4\n"),
};
#define NSAMPLES (sizeof(samples) / sizeof(samples[0]))

static const char user_a[] = "anna", user_b[] = "bert@example.org";

/* One user's maildrop, open; every call on the thread that the caller names. */
struct session {
	struct world *world;
	const struct popart_storage_ops *ops;
	void *state, *drop;
	const char *user;
	struct mock_list list;
};

static struct popart_user user_named(const char *name)
{
	return (struct popart_user){ .size = sizeof(struct popart_user),
		.name = { .ptr = name, .len = strlen(name) } };
}

static int session_open(struct session *s, struct world *w, const char *name, unsigned thread)
{
	struct popart_user user = user_named(name);
	struct mock_call call;

	memset(s, 0, sizeof(*s));
	s->world = w;
	s->ops = mockhost_storage(world_host(w));
	s->state = mockhost_state(world_host(w));
	s->user = name;
	mock_list_init(&s->list);
	mock_call_begin(&call, world_host(w), thread, 7);
	int status = s->ops->open(s->state, &call.pub, &user, &s->drop);
	mock_call_end(&call);
	CU_ASSERT((status == POPART_OK) == (s->drop != NULL));
	return status;
}

static int session_list(struct session *s, unsigned thread)
{
	struct mock_call call;

	mock_call_begin(&call, world_host(s->world), thread, 7);
	int status = s->ops->list(s->drop, &call.pub, &s->list.sink);
	mock_call_end(&call);
	return status;
}

static void session_close(struct session *s, unsigned thread)
{
	struct mock_call call;

	if (s->drop) {
		mock_call_begin(&call, world_host(s->world), thread, 7);
		s->ops->close(s->drop, &call.pub);
		mock_call_end(&call);
	}
	s->drop = NULL;
	mock_list_free(&s->list);
}

static int session_commit(
	struct session *s, unsigned thread, const uint64_t *refs, size_t n, size_t *removed)
{
	struct mock_call call;

	*removed = 0;
	mock_call_begin(&call, world_host(s->world), thread, 7);
	int status = s->ops->commit(s->drop, &call.pub, refs, n, removed);
	mock_call_end(&call);
	return status;
}

static int session_message(
	struct session *s, unsigned thread, uint64_t ref, struct popart_source *src)
{
	struct mock_call call;

	memset(src, 0, sizeof(*src));
	src->size = sizeof(*src);
	mock_call_begin(&call, world_host(s->world), thread, 7);
	int status = s->ops->message(s->drop, &call.pub, ref, src);
	mock_call_end(&call);
	return status;
}

static void source_release(struct popart_source *src)
{
	if (src->release)
		src->release(src);
}

/* Takes doubled dots back to one. */
static void unstuff(unsigned char *p, size_t *n)
{
	size_t o = 0;

	for (size_t i = 0; i < *n; i++) {
		if (p[i] == '.' && (i == 0 || p[i - 1] == '\n') && ++i == *n)
			break;
		p[o++] = p[i];
	}
	*n = o;
}

/* The octets as they come, malloc'ed; NULL: *status says why. */
static unsigned char *session_source(struct session *s, unsigned thread, uint64_t ref,
	size_t *n, int *status, uint32_t *form)
{
	struct popart_source src;
	unsigned char *text = NULL;
	struct mock_call call;
	int64_t error = 0;

	*n = 0;
	*status = session_message(s, thread, ref, &src);
	if (*status)
		return NULL;
	mock_call_begin(&call, world_host(s->world), thread, 7);
	text = mock_source_read(&call, &src, n, &error);
	mock_call_end(&call);
	*form = src.form;
	source_release(&src);
	*status = (int)error;
	return text;
}

static unsigned char *session_octets(
	struct session *s, unsigned thread, uint64_t ref, size_t *n, int *status)
{
	uint32_t form;

	return session_source(s, thread, ref, n, status, &form);
}

/* The same before dots were doubled. */
static unsigned char *session_read(
	struct session *s, unsigned thread, uint64_t ref, size_t *n, int *status)
{
	uint32_t form;
	unsigned char *text = session_source(s, thread, ref, n, status, &form);

	if (text && form & POPART_FORM_STUFFED)
		unstuff(text, n);
	return text;
}

static int open_and_list(struct session *s, struct world *w, const char *user)
{
	int status = session_open(s, w, user, 0);

	return status ? status : session_list(s, 0);
}

/* Whether these octets of a source are those of a message that was put in. */
static bool is_text(struct world *w, const unsigned char *got, size_t n, struct popart_str text)
{
	size_t shown_n, wire_n, expected_n;

	if (!got)
		return false;
	if (target_exact)
		return n == text.len && (n == 0 || memcmp(got, text.ptr, n) == 0);

	char *shown = target_shown(w, text, &shown_n);
	unsigned char *expected = mock_wire((unsigned char *)shown, shown_n, &expected_n);
	unsigned char *wire = mock_wire(got, n, &wire_n);
	bool same = wire_n == expected_n && memcmp(wire, expected, wire_n) == 0;

	free(wire);
	free(expected);
	free(shown);
	return same;
}

/* Sizes are exact, whatever has been remembered of the message. */
static void check_message(struct session *s, const struct mock_msg *msg, struct popart_str text)
{
	size_t n = 0, wire = 0;
	int status = 0;
	unsigned char *got = session_read(s, 0, msg->ref, &n, &status);

	CU_ASSERT_EQUAL(status, POPART_OK);
	CU_ASSERT_PTR_NOT_NULL(got);
	if (!got)
		return;
	CU_ASSERT(is_text(s->world, got, n, text));
	free(mock_wire(got, n, &wire));
	CU_ASSERT_EQUAL(wire, msg->wire_size);
	free(got);
}

static void name_of(char name[32], size_t i)
{
	snprintf(name, 32, "M%06zu", i);
}

static void put_samples(struct world *w, const char *user)
{
	char name[32];

	for (size_t i = 0; i < NSAMPLES; i++) {
		name_of(name, i);
		CU_ASSERT(world_put(w, user, name, samples[i]));
	}
}

static size_t count_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* Every test: a new world, and afterwards nothing that is still open. */
static void in_world(void (*test)(struct world *))
{
	for (unsigned i = 0; i < target_variants; i++) {
		size_t before = count_descriptors();
		const char *why = NULL;
		struct world *w = world_new(i, &why);

		CU_ASSERT_PTR_NOT_NULL(w);
		if (!w)
			return;
		test(w);
		world_free(&w);
		CU_ASSERT_EQUAL(count_descriptors(), before);
	}
}
#define TEST(name)                             \
	static void name##_in(struct world *); \
	static void name(void)                 \
	{                                      \
		in_world(name##_in);           \
	}                                      \
	static void name##_in(struct world *w)

TEST(lists_nothing)
{
	struct session s;
	size_t removed;

	CU_ASSERT(world_make(w, user_a));
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	CU_ASSERT_EQUAL(s.list.n, 0);
	CU_ASSERT_EQUAL(session_commit(&s, 0, NULL, 0, &removed), POPART_OK);
	CU_ASSERT_EQUAL(removed, 0);
	session_close(&s, 0);
}

TEST(sizes_and_octets)
{
	struct session s;

	put_samples(w, user_a);
	/* The second time with what was remembered of the first. */
	for (int round = 0; round < 2; round++) {
		CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
		CU_ASSERT_EQUAL(s.list.n, NSAMPLES);
		for (size_t i = 0; i < s.list.n && i < NSAMPLES; i++)
			check_message(&s, &s.list.v[i], samples[i]);
		session_close(&s, 0);
	}
}

static bool is_uid(const struct mock_msg *m)
{
	if (m->uid_len < 1 || m->uid_len > 70)
		return false;
	for (size_t i = 0; i < m->uid_len; i++) {
		if (m->uid[i] < 0x21 || m->uid[i] > 0x7e)
			return false;
	}
	return true;
}

static bool same_uid(const struct mock_msg *a, const struct mock_msg *b)
{
	return a->uid_len == b->uid_len && memcmp(a->uid, b->uid, a->uid_len) == 0;
}

TEST(unique_ids)
{
	struct session s;

	put_samples(w, user_a);
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	for (size_t i = 0; i < s.list.n; i++) {
		CU_ASSERT(is_uid(&s.list.v[i]));
		for (size_t k = 0; k < i; k++)
			CU_ASSERT_FALSE(same_uid(&s.list.v[i], &s.list.v[k]));
	}
	session_close(&s, 0);
}

static void check_same_list(struct world *w, const struct mock_list *before)
{
	struct session s;

	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	CU_ASSERT_EQUAL(s.list.n, before->n);
	for (size_t i = 0; i < s.list.n && i < before->n; i++) {
		CU_ASSERT(same_uid(&s.list.v[i], &before->v[i]));
		CU_ASSERT_EQUAL(s.list.v[i].wire_size, before->v[i].wire_size);
		CU_ASSERT_EQUAL(s.list.v[i].received_s, before->v[i].received_s);
	}
	session_close(&s, 0);
}

TEST(same_in_later_sessions)
{
	static const struct popart_str late = TEXT("came later\n");
	struct session s;
	size_t n;
	int status;

	put_samples(w, user_a);
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	free(session_read(&s, 0, s.list.v[0].ref, &n, &status));
	struct mock_list before = s.list;
	mock_list_init(&s.list);
	session_close(&s, 0);
	check_same_list(w, &before);
	check_same_list(w, &before);

	/* One more comes last, and changes nothing for the others. */
	CU_ASSERT(world_put(w, user_a, "M999999", late));
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	CU_ASSERT_EQUAL(s.list.n, before.n + 1);
	for (size_t i = 0; i < before.n && i < s.list.n; i++)
		CU_ASSERT(same_uid(&s.list.v[i], &before.v[i]));
	session_close(&s, 0);
	mock_list_free(&before);
}

/* What came after open belongs to the next session. */
TEST(frozen_while_open)
{
	static const struct popart_str late = TEXT("too late\n");
	struct session s;

	put_samples(w, user_a);
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	CU_ASSERT(world_put(w, user_a, "M999999", late));
	for (size_t i = 0; i < s.list.n && i < NSAMPLES; i++)
		check_message(&s, &s.list.v[i], samples[i]);
	session_close(&s, 0);
	CU_ASSERT(world_has(w, user_a, "M999999"));
}

/* length octets from offset, in pieces of odd sizes, the last ones first: nothing moves. */
static void check_positions(const struct popart_source *src, const unsigned char *whole)
{
	unsigned char piece[61];

	for (size_t end = src->length; end > 0;) {
		size_t n = end < sizeof(piece) ? end : sizeof(piece);
		ssize_t got = (ssize_t)n;
		if (src->kind == POPART_SRC_FD)
			got = pread(src->fd, piece, n, (off_t)(src->offset + end - n));
		else
			memcpy(piece, (const char *)src->mem + end - n, n);
		CU_ASSERT_EQUAL(got, (ssize_t)n);
		CU_ASSERT(memcmp(piece, whole + end - n, n) == 0);
		end -= n;
	}
}

TEST(sources_in_odd_pieces)
{
	struct session s;

	put_samples(w, user_a);
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	for (size_t i = 0; i < s.list.n; i++) {
		struct popart_source one, two;
		size_t n;
		int status;
		unsigned char *whole = session_octets(&s, 0, s.list.v[i].ref, &n, &status);

		/* Two of one message at once have nothing to do with each other. */
		CU_ASSERT_EQUAL(session_message(&s, 1, s.list.v[i].ref, &one), POPART_OK);
		CU_ASSERT_EQUAL(session_message(&s, 2, s.list.v[i].ref, &two), POPART_OK);
		if (one.kind != POPART_SRC_READ)
			check_positions(&one, whole);
		source_release(&one);
		if (two.kind != POPART_SRC_READ)
			check_positions(&two, whole);
		source_release(&two);
		free(whole);
	}
	session_close(&s, 0);
}

static bool starts_line_with_dot(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '.' && (i == 0 || p[i - 1] == '\n'))
			return true;
	}
	return false;
}

static bool starts_line_with_one_dot(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '.' || (i > 0 && p[i - 1] != '\n'))
			continue;
		if (i + 1 == n || p[++i] != '.')
			return true;
	}
	return false;
}

static bool has_bare_newline(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
			return true;
	}
	return false;
}

/* Octets up to and including the first empty line; 0: there is none. */
static size_t body_begins(const unsigned char *p, size_t n)
{
	size_t line = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n')
			continue;
		size_t len = i - line;
		if (len == 0 || (len == 1 && p[line] == '\r'))
			return i + 1;
		line = i + 1;
	}
	return 0;
}

/* What is said of the octets is true: the host sends them unseen. */
TEST(forms_are_true)
{
	struct session s;

	put_samples(w, user_a);
	for (int round = 0; round < 2; round++) {
		CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
		for (size_t i = 0; i < s.list.n; i++) {
			struct popart_source src;
			size_t n;
			int status;
			unsigned char *p = session_octets(&s, 0, s.list.v[i].ref, &n, &status);

			CU_ASSERT_EQUAL(
				session_message(&s, 0, s.list.v[i].ref, &src), POPART_OK);
			if (src.form & POPART_FORM_CRLF)
				CU_ASSERT_FALSE(has_bare_newline(p, n));
			if (src.form & POPART_FORM_NO_DOTS)
				CU_ASSERT_FALSE(starts_line_with_dot(p, n));
			if (src.form & POPART_FORM_STUFFED)
				CU_ASSERT_FALSE(starts_line_with_one_dot(p, n));
			if (src.form & POPART_FORM_ENDS_LINE)
				CU_ASSERT(n == 0 || p[n - 1] == '\n');
			if (src.body_offset)
				CU_ASSERT_EQUAL(src.body_offset, body_begins(p, n));
			source_release(&src);
			free(p);
		}
		session_close(&s, 0);
	}
}

TEST(commit_removes_what_is_named)
{
	struct session s;
	uint64_t refs[3];
	char name[32];
	size_t removed;

	put_samples(w, user_a);
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	refs[0] = s.list.v[5].ref;
	refs[1] = s.list.v[0].ref;
	refs[2] = s.list.v[NSAMPLES - 1].ref;
	CU_ASSERT_EQUAL(session_commit(&s, 0, refs, 3, &removed), POPART_OK);
	session_close(&s, 0);
	for (size_t i = 0; i < NSAMPLES; i++) {
		name_of(name, i);
		CU_ASSERT_EQUAL(
			world_has(w, user_a, name), i != 5 && i != 0 && i != NSAMPLES - 1);
	}
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	CU_ASSERT_EQUAL(s.list.n, NSAMPLES - 3);
	if (s.list.n == NSAMPLES - 3) {
		check_message(&s, &s.list.v[0], samples[1]);
		check_message(&s, &s.list.v[4], samples[6]);
	}
	session_close(&s, 0);
}

TEST(no_commit_no_change)
{
	struct session s;
	char name[32];

	put_samples(w, user_a);
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	session_close(&s, 0);
	for (size_t i = 0; i < NSAMPLES; i++) {
		name_of(name, i);
		CU_ASSERT(world_has(w, user_a, name));
	}
}

TEST(vanished_message)
{
	struct session s;
	uint64_t refs[2];
	size_t removed, n;
	int status;

	put_samples(w, user_a);
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	CU_ASSERT(world_vanish(w, user_a, "M000002"));
	CU_ASSERT_PTR_NULL(session_read(&s, 0, s.list.v[2].ref, &n, &status));
	CU_ASSERT_EQUAL(status, POPART_R_GONE);
	check_message(&s, &s.list.v[3], samples[3]); /* the others are unharmed */
	refs[0] = s.list.v[2].ref;
	refs[1] = s.list.v[4].ref;
	CU_ASSERT_EQUAL(session_commit(&s, 0, refs, 2, &removed), POPART_OK);
	session_close(&s, 0);
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	CU_ASSERT_EQUAL(s.list.n, NSAMPLES - 2);
	session_close(&s, 0);
}

TEST(vanished_while_being_read)
{
	struct popart_source src;
	struct mock_call call;
	struct session s;
	int64_t error;
	size_t n;

	put_samples(w, user_a);
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	CU_ASSERT_EQUAL(session_message(&s, 0, s.list.v[1].ref, &src), POPART_OK);
	CU_ASSERT(world_vanish(w, user_a, "M000001"));
	mock_call_begin(&call, world_host(w), 0, 7);
	unsigned char *p = mock_source_read(&call, &src, &n, &error);
	mock_call_end(&call);
	/* Whole, or an error; never a part that looks whole. */
	CU_ASSERT(p ? is_text(w, p, n, samples[1]) : error < 0);
	free(p);
	source_release(&src);
	session_close(&s, 0);
}

TEST(again_and_again)
{
	struct session s;

	put_samples(w, user_a);
	for (int i = 0; i < 50; i++) {
		CU_ASSERT_EQUAL(
			session_open(&s, w, user_a, (unsigned)i % WORLD_THREADS), POPART_OK);
		if (i % 3)
			CU_ASSERT_EQUAL(session_list(&s, 0), POPART_OK);
		session_close(&s, (unsigned)(i + 1) % WORLD_THREADS);
	}
}

/* The sink says no in the middle: list hands that on, and close still works. */
TEST(list_is_stopped)
{
	struct session s;

	put_samples(w, user_a);
	for (size_t at = 1; at < NSAMPLES; at += 5) {
		CU_ASSERT_EQUAL(session_open(&s, w, user_a, 0), POPART_OK);
		s.list.fail_at = at;
		CU_ASSERT_EQUAL(session_list(&s, 0), POPART_E_NOMEM);
		session_close(&s, 0);
	}
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	CU_ASSERT_EQUAL(s.list.n, NSAMPLES);
	session_close(&s, 0);
}

/* A long job that is asked to stop either finishes or says that it was stopped. */
TEST(stop_is_asked)
{
	struct session s;

	put_samples(w, user_a);
	for (unsigned nth = 1; nth < 20; nth++) {
		mockhost_stop_at(world_host(w), nth);
		int status = session_open(&s, w, user_a, 0);
		if (!status)
			status = session_list(&s, 0);
		CU_ASSERT(status == POPART_OK || status == POPART_E_CANCELLED ||
			status == POPART_E_DEADLINE);
		session_close(&s, 0);
	}
	mockhost_stop_at(world_host(w), 0);
}

struct job {
	struct world *world;
	unsigned thread;
	char user[32];
	unsigned failures;
};

static bool read_matches(struct session *s, unsigned thread, size_t i)
{
	size_t n;
	int status;
	unsigned char *p = session_read(s, thread, s->list.v[i].ref, &n, &status);
	bool same = is_text(s->world, p, n, samples[i]);

	free(p);
	return same;
}

static void *run_sessions(void *arg)
{
	struct job *j = arg;

	for (int round = 0; round < 20; round++) {
		struct session s;
		size_t removed;

		j->failures += session_open(&s, j->world, j->user, j->thread) != POPART_OK;
		j->failures += session_list(&s, j->thread) != POPART_OK;
		j->failures += s.list.n != NSAMPLES;
		for (size_t i = 0; i < s.list.n && i < NSAMPLES; i++)
			j->failures += !read_matches(&s, j->thread, i);
		j->failures += session_commit(&s, j->thread, NULL, 0, &removed) != POPART_OK;
		session_close(&s, j->thread);
	}
	return NULL;
}

TEST(maildrops_side_by_side)
{
	struct job jobs[WORLD_THREADS];
	pthread_t threads[WORLD_THREADS];

	for (unsigned i = 0; i < WORLD_THREADS; i++) {
		jobs[i] = (struct job){ .world = w, .thread = i };
		snprintf(jobs[i].user, sizeof(jobs[i].user), "user%u@example.org", i);
		put_samples(w, jobs[i].user);
	}
	for (unsigned i = 0; i < WORLD_THREADS; i++)
		CU_ASSERT_EQUAL(pthread_create(&threads[i], NULL, run_sessions, &jobs[i]), 0);
	for (unsigned i = 0; i < WORLD_THREADS; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(jobs[i].failures, 0);
	}
}

/* One step of a session, on a thread that is new each time. */
struct step {
	struct session *s;
	struct world *world;
	char what;
	unsigned thread;
	size_t i;
	int result;
};

static void *do_step(void *arg)
{
	struct step *t = arg;
	size_t removed;

	switch (t->what) {
	case 'o':
		t->result = session_open(t->s, t->world, user_b, t->thread);
		break;
	case 'l':
		t->result = session_list(t->s, t->thread);
		break;
	case 'r':
		t->result = !read_matches(t->s, t->thread, t->i);
		break;
	case 'q':
		t->result =
			session_commit(t->s, t->thread, &t->s->list.v[t->i].ref, 1, &removed);
		break;
	default:
		session_close(t->s, t->thread);
		t->result = 0;
		break;
	}
	return NULL;
}

static void elsewhere(struct step *t, char what, size_t i)
{
	pthread_t thread;

	t->what = what;
	t->i = i;
	t->thread = (t->thread + 1) % WORLD_THREADS;
	t->result = -1;
	CU_ASSERT_EQUAL(pthread_create(&thread, NULL, do_step, t), 0);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(t->result, 0);
}

TEST(maildrop_moves_between_threads)
{
	struct session s;
	struct step t = { .s = &s, .world = w };

	put_samples(w, user_b);
	elsewhere(&t, 'o', 0);
	elsewhere(&t, 'l', 0);
	for (size_t i = 0; i < NSAMPLES; i++)
		elsewhere(&t, 'r', i);
	elsewhere(&t, 'q', 3);
	elsewhere(&t, 'c', 0);
	CU_ASSERT_FALSE(world_has(w, user_b, "M000003"));
	CU_ASSERT(world_has(w, user_b, "M000004"));
}

TEST(faults_hold_nothing)
{
	static const int statuses[] = { POPART_R_IN_USE, POPART_R_TEMP, POPART_E_IO,
		POPART_E_CORRUPT };
	struct session s;

	put_samples(w, user_a);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (!world_fail(w, "open", 1, statuses[i]))
			return;
		CU_ASSERT_EQUAL(session_open(&s, w, user_a, 0), statuses[i]);
		CU_ASSERT(world_fail(w, "list", 1, statuses[i]));
		CU_ASSERT_EQUAL(session_open(&s, w, user_a, 0), POPART_OK);
		CU_ASSERT_EQUAL(session_list(&s, 0), statuses[i]);
		session_close(&s, 0);
	}
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	session_close(&s, 0);
}

TEST(partial_commit)
{
	struct session s;
	uint64_t refs[4];
	size_t removed, left = 0;
	char name[32];

	put_samples(w, user_a);
	if (!world_fail(w, "commit", 1, POPART_R_PARTIAL))
		return;
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	for (size_t i = 0; i < 4; i++)
		refs[i] = s.list.v[i].ref;
	CU_ASSERT_EQUAL(session_commit(&s, 0, refs, 4, &removed), POPART_R_PARTIAL);
	session_close(&s, 0);
	for (size_t i = 0; i < NSAMPLES; i++) {
		name_of(name, i);
		left += world_has(w, user_a, name);
	}
	CU_ASSERT_EQUAL(left, NSAMPLES - removed);
	CU_ASSERT(removed < 4);
}

/* In pieces of 1, 3, 5 ... octets. Afterwards dlv is gone either way. */
static int deliver_as(
	struct world *w, struct popart_str text, const struct popart_delivery *how, bool finish)
{
	const struct popart_storage_ops *ops = mockhost_storage(world_host(w));
	struct popart_user user = user_named(user_a);
	struct mock_call call;
	void *dlv = NULL;
	size_t at = 0;

	mock_call_begin(&call, world_host(w), 0, 0);
	int status =
		ops->deliver_begin(mockhost_state(world_host(w)), &call.pub, &user, how, &dlv);
	for (size_t n = 1; !status && at < text.len; n += 2) {
		if (n > text.len - at)
			n = text.len - at;
		status = ops->deliver_write(dlv, &call.pub, text.ptr + at, n);
		at += n;
	}
	if (dlv && !status && finish)
		status = ops->deliver_finish(dlv, &call.pub);
	else if (dlv)
		ops->deliver_abandon(dlv, &call.pub);
	mock_call_end(&call);
	return status;
}

static int deliver(struct world *w, struct popart_str text, bool finish)
{
	struct popart_delivery how = { .size = sizeof(how), .size_hint = text.len };

	return deliver_as(w, text, &how, finish);
}

TEST(delivery)
{
	const struct popart_storage_ops *ops = mockhost_storage(world_host(w));
	struct session s;

	CU_ASSERT(world_make(w, user_a));
	if (!POPART_HAS(ops, deliver_abandon) || !ops->deliver_begin)
		return;
	CU_ASSERT_EQUAL(deliver(w, samples[1], false), POPART_OK);
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	CU_ASSERT_EQUAL(s.list.n, 0); /* abandoned */
	for (size_t i = 0; i < NSAMPLES; i++)
		CU_ASSERT_EQUAL(deliver(w, samples[i], true), POPART_OK);
	session_close(&s, 0);
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	CU_ASSERT_EQUAL(s.list.n, NSAMPLES);
	bool found[NSAMPLES] = { false };
	for (size_t i = 0; i < s.list.n; i++) {
		size_t n, wire;
		int status;
		unsigned char *p = session_read(&s, 0, s.list.v[i].ref, &n, &status);
		CU_ASSERT_PTR_NOT_NULL(p);
		free(mock_wire(p, n, &wire));
		CU_ASSERT_EQUAL(wire, s.list.v[i].wire_size);
		for (size_t k = 0; k < NSAMPLES; k++) {
			if (is_text(w, p, n, samples[k]))
				found[k] = true;
		}
		free(p);
	}
	for (size_t k = 0; k < NSAMPLES; k++)
		CU_ASSERT(found[k]);
	session_close(&s, 0);
}

/* What a message of another store brings: neither times that go back nor any octet that a
 * unique-id may have are in the way. */
static const struct brought {
	const char *uid;
	int64_t received_s;
	uint32_t flags;
} brought[] = {
	{ "uid-of-another-store", 1700000000, 0 },
	{ "0000abcd4a", 1700000000, POPART_MSG_SEEN },
	{ "1600000000.M1P2.host,S=3", 1600000000, 0 },
	{ "~00112233445566778899aabbccddeeff", 1, POPART_MSG_SEEN },
	{ "!\"#$%&'()*+,-./0123456789:;<=>?@", 1500000000, 0 },
	{ "ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~", 1500000000,
		POPART_MSG_SEEN },
	{ "//////////////////////////////////////////////////////////////////////", 1700000000,
		0 },
	{ ".", 1650000000, 0 },
	{ "00112233445566778899aabbccddeeff", 1400000000, 0 },
	{ "00112233445566778899aabbccddeeff-2", 1400000000, 0 },
	{ "zz", 4000000000, POPART_MSG_SEEN },
	{ "a", 1700000001, 0 },
};
#define NBROUGHT (sizeof(brought) / sizeof(brought[0]))

static void check_brought(struct world *w)
{
	struct session s;

	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	CU_ASSERT_EQUAL(s.list.n, NBROUGHT);
	for (size_t i = 0; i < s.list.n && i < NBROUGHT; i++) {
		CU_ASSERT_STRING_EQUAL(s.list.v[i].uid, brought[i].uid);
		CU_ASSERT_EQUAL(s.list.v[i].received_s, brought[i].received_s);
		CU_ASSERT_EQUAL(s.list.v[i].flags & POPART_MSG_SEEN, brought[i].flags);
		check_message(&s, &s.list.v[i], samples[i]);
	}
	session_close(&s, 0);
}

TEST(delivery_keeps_what_it_brings)
{
	const struct popart_storage_ops *ops = mockhost_storage(world_host(w));

	CU_ASSERT(world_make(w, user_a));
	if (!POPART_HAS(ops, deliver_abandon) || !ops->deliver_begin)
		return;
	for (size_t i = 0; i < NBROUGHT; i++) {
		struct popart_delivery how = { .size = sizeof(how),
			.flags = brought[i].flags,
			.received_s = brought[i].received_s,
			.uid = { .ptr = brought[i].uid, .len = strlen(brought[i].uid) } };

		CU_ASSERT_EQUAL(deliver_as(w, samples[i], &how, true), POPART_OK);
	}
	check_brought(w);
	check_brought(w);
}

static int check(struct world *w, struct complaints *c)
{
	struct popart_user user = user_named(user_a);
	int status = complaints_ask(c, world_host(w), &user);

	CU_ASSERT_FALSE(c->backwards);
	CU_ASSERT_STRING_EQUAL(c->text, "");
	return status;
}

/* Before a session, in it, and after something was removed. */
TEST(sound_maildrops_pass)
{
	const struct popart_storage_ops *ops = mockhost_storage(world_host(w));
	struct complaints c;
	struct session s;
	size_t removed;

	if (!POPART_HAS(ops, check) || !ops->check)
		return;
	CU_ASSERT(world_make(w, user_a));
	CU_ASSERT_EQUAL(check(w, &c), POPART_OK);
	put_samples(w, user_a);
	for (int round = 0; round < 3; round++) {
		CU_ASSERT_EQUAL(check(w, &c), POPART_OK);
		CU_ASSERT_EQUAL(c.n, 0);
		CU_ASSERT(c.total > 0 && c.done == c.total);
		CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
		CU_ASSERT_EQUAL(check(w, &c), POPART_OK);
		if (s.list.n)
			CU_ASSERT_EQUAL(session_commit(&s, 0, &s.list.v[1].ref, 1, &removed),
				POPART_OK);
		session_close(&s, 0);
		CU_ASSERT_EQUAL(c.n, 0);
	}
}

/* Real mail, and one message larger than any buffer. */
TEST(real_mail)
{
	const char *root = getenv("TEST_SRCDIR");
	struct popart_str texts[1024];
	struct dirent **found = NULL;
	struct session s;
	char path[4096], name[32];
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/tests/support/corpus", root ? root : ".");
	int files = scandir(path, &found, NULL, alphasort);
	CU_ASSERT(files > 10);
	for (int i = 0; i < files; i++) {
		snprintf(path, sizeof(path), "%s/tests/support/corpus/%s", root ? root : ".",
			found[i]->d_name);
		FILE *f = found[i]->d_name[0] != '.' && n < 1000 ? fopen(path, "rb") : NULL;
		free(found[i]);
		if (!f)
			continue;
		char *text = malloc(4 << 20);
		size_t len = fread(text, 1, 4 << 20, f);
		fclose(f);
		texts[n++] = (struct popart_str){ .ptr = text, .len = len };
	}
	free(found);
	char *large = malloc(9 << 20);
	memset(large, 'a', 9 << 20);
	large[5 << 20] = '\n';
	texts[n++] = (struct popart_str){ .ptr = large, .len = 9 << 20 };
	for (size_t i = 0; i < n; i++) {
		name_of(name, i);
		CU_ASSERT(world_put(w, user_a, name, texts[i]));
	}
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	CU_ASSERT_EQUAL(s.list.n, n);
	for (size_t i = 0; i < s.list.n && i < n; i++)
		check_message(&s, &s.list.v[i], texts[i]);
	session_close(&s, 0);
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)texts[i].ptr);
}

TEST(many_messages)
{
	static const struct popart_str text = TEXT("Subject: one of many\n\n.\n");
	struct session s;
	uint64_t refs[1000];
	size_t removed;
	char name[32];

	for (size_t i = 0; i < 3000; i++) {
		name_of(name, i);
		CU_ASSERT(world_put(w, user_a, name, text));
	}
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	CU_ASSERT_EQUAL(s.list.n, 3000);
	for (size_t i = 0; i < 1000 && s.list.n == 3000; i++)
		refs[i] = s.list.v[i * 3].ref;
	CU_ASSERT_EQUAL(session_commit(&s, 0, refs, 1000, &removed), POPART_OK);
	session_close(&s, 0);
	CU_ASSERT_EQUAL(open_and_list(&s, w, user_a), POPART_OK);
	CU_ASSERT_EQUAL(s.list.n, 2000);
	CU_ASSERT_FALSE(world_has(w, user_a, "M000003"));
	CU_ASSERT(world_has(w, user_a, "M000004"));
	session_close(&s, 0);
}

int main(int argc, char **argv)
{
	static CU_TestInfo tests[] = {
		{ "an empty maildrop", lists_nothing },
		{ "sizes and octets are exact", sizes_and_octets },
		{ "unique-ids are legal and unique", unique_ids },
		{ "order, sizes and unique-ids stay in later sessions",
			same_in_later_sessions },
		{ "the message set is frozen while open", frozen_while_open },
		{ "sources are read by offset, in odd pieces", sources_in_odd_pieces },
		{ "what is said of the octets is true", forms_are_true },
		{ "commit removes exactly what is named", commit_removes_what_is_named },
		{ "without commit nothing changes", no_commit_no_change },
		{ "a message that vanished is GONE, the rest is unharmed", vanished_message },
		{ "a message that vanishes while it is read", vanished_while_being_read },
		{ "open and close fifty times", again_and_again },
		{ "list stops when the sink says so", list_is_stopped },
		{ "stop_asked is an answer of its own", stop_is_asked },
		{ "maildrops side by side in threads", maildrops_side_by_side },
		{ "a maildrop moves between threads", maildrop_moves_between_threads },
		{ "a failing open or list holds nothing", faults_hold_nothing },
		{ "a half-done commit says how many", partial_commit },
		{ "deliveries are listed with their octets", delivery },
		{ "a delivery keeps its unique-id, order, time and flags",
			delivery_keeps_what_it_brings },
		{ "check has nothing to say of what is sound", sound_maildrops_pass },
		{ "real mail", real_mail },
		{ "three thousand messages", many_messages },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { target_name, NULL, NULL, NULL, NULL, tests },
		CU_SUITE_INFO_NULL };
	const char *why = NULL;
	struct world *w = world_new(0, &why);

	if (!w) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	world_free(&w);
	return tap_main(argc, argv, target_name, suites);
}

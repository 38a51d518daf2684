/* SPDX-License-Identifier: MIT */
/*
 * A process that dies at every single system call of a delivery, of the first delivery, and
 * of a commit with what follows; and what is left for the next one.
 */
#include "unit/sqlite/tests.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "check/killed.h"

enum { MESSAGES = 5, LARGE = 150000 };

/* No connection may be inherited by a child. */
static const char *const none_kept[] = { "connections=0", NULL };

static char large[LARGE];

/* Where the child works, and where what a kill would leave is looked at. */
struct scene {
	struct box b, left;
	unsigned before; /* messages */
	unsigned looked; /* at different states */
};

static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
enum { SUFFIXES = 4 };

static size_t load(const char *path, char **data)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0, cap = 1 << 22;
	ssize_t got;

	*data = NULL;
	if (fd < 0)
		return 0;
	*data = malloc(cap);
	while (*data && n < cap && (got = read(fd, *data + n, cap - n)) > 0)
		n += (size_t)got;
	close(fd);
	return n;
}

/* Whether it was another file. */
static bool copy(const char *from, const char *to)
{
	char *data, *was;
	size_t n = load(from, &data), was_n = load(to, &was);
	bool same = !data == !was && n == was_n && (!data || memcmp(data, was, n) == 0);

	if (!same && !data)
		(void)unlink(to);
	if (!same && data) {
		int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		CU_ASSERT_TRUE(fd >= 0 && write(fd, data, n) == (ssize_t)n);
		close(fd);
	}
	free(data);
	free(was);
	return !same;
}

static bool copy_all(const struct box *from, const char *to)
{
	char a[128], z[128];
	bool changed = false;

	for (size_t i = 0; i < SUFFIXES; i++) {
		snprintf(a, sizeof(a), "%s%s", from->path, suffixes[i]);
		snprintf(z, sizeof(z), "%s%s", to, suffixes[i]);
		changed |= copy(a, z);
	}
	return changed;
}

/* MESSAGES letters and a large one. */
static void furnish(struct scene *s)
{
	*s = (struct scene){ .before = MESSAGES + 1 };
	box_make(&s->b, none_kept);
	box_make(&s->left, none_kept);
	for (size_t i = 0; i < LARGE; i++)
		large[i] = i % 77 == 76 ? '\n' : i % 77 == 75 ? '\r' : 'x';
	large[LARGE - 2] = '\r';
	large[LARGE - 1] = '\n';
	box_fill(&s->b, MESSAGES);
	CU_ASSERT_EQUAL_FATAL(box_deliver(&s->b, "large", large, LARGE), POPART_OK);
}

static void clear(struct scene *s)
{
	CU_ASSERT_TRUE(s->looked > 10);
	box_free(&s->b);
	box_free(&s->left);
}

/* Takes over what is there now. False: that has been looked at. */
static bool take_over(struct scene *s)
{
	char seen[128];

	snprintf(seen, sizeof(seen), "%s/seen", s->b.dir);
	if (!copy_all(&s->b, seen))
		return false;
	s->looked++;
	(void)copy_all(&s->b, s->left.path);
	return true;
}

static const struct mock_msg *find(struct box *b, const char *uid)
{
	for (size_t i = 0; i < b->list.n; i++)
		if (strcmp(b->list.v[i].uid, uid) == 0)
			return &b->list.v[i];
	return NULL;
}

/* Every letter is as it was, but for the first `without`. */
static void check_letters(struct box *b, unsigned without)
{
	for (unsigned i = without; i < MESSAGES; i++) {
		char uid[16], text[256];
		size_t n = box_letter(i, text);
		const struct mock_msg *m;

		snprintf(uid, sizeof(uid), "m%u", i);
		m = find(b, uid);
		CU_ASSERT_PTR_NOT_NULL(m);
		if (m)
			CU_ASSERT_EQUAL(box_get(b, m, text, n), POPART_OK);
	}
}

static bool holds_nothing(struct box *b)
{
	return box_size(b) == 0 || box_number(b, "SELECT count(*) FROM sqlite_schema") == 0;
}

/* All of it or nothing, and all of it when that was said. */
static void check_delivered(void *arg, const struct said *said)
{
	struct scene *s = arg;
	struct box *b = &s->left;
	const struct mock_msg *m;

	if (!take_over(s))
		return;
	CU_ASSERT_EQUAL(box_login(b), POPART_OK);
	m = find(b, "new");
	CU_ASSERT_EQUAL(b->list.n, s->before + (m ? 1 : 0));
	CU_ASSERT_TRUE(m != NULL || !said->done);
	if (m)
		CU_ASSERT_EQUAL(box_get(b, m, large, LARGE), POPART_OK);
	if (s->before)
		check_letters(b, 0);
	CU_ASSERT_TRUE(holds_nothing(b) || box_is_sound(b));
	/* And the next one gets through. */
	CU_ASSERT_EQUAL(box_deliver(b, "next", "x\r\n", 3), POPART_OK);
	CU_ASSERT_TRUE(box_is_sound(b));
	box_logout(b);
}

static int deliver_it(void *arg, struct said *said)
{
	struct scene *s = arg;

	(void)said;
	return box_deliver(&s->b, "new", large, LARGE);
}

static void run(struct scene *s, int (*action)(void *, struct said *),
	void (*look)(void *, const struct said *))
{
	struct said *said = said_new();
	struct trail t;

	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	if (killed_anywhere(action, s, said, &t, look)) {
		look(s, said);
		CU_ASSERT_TRUE(t.ended && said->done);
		CU_ASSERT_EQUAL(said->status, POPART_OK);
		printf("# looked at %u states in %u stops\n", s->looked, t.stops);
	} else {
		printf("# crash: skipped, ptrace is not allowed here\n");
		s->looked = 1000;
	}
	said_free(&said);
}

static void delivery_dies(void)
{
	struct scene s;

	furnish(&s);
	run(&s, deliver_it, check_delivered);
	clear(&s);
}

static void first_delivery_dies(void)
{
	struct scene s;

	furnish(&s);
	s.before = 0;
	CU_ASSERT_EQUAL(unlink(s.b.path), 0);
	run(&s, deliver_it, check_delivered);
	clear(&s);
}

/* Of the session that is open: the large one and the first letter; then it is closed. */
static int commit_and_close(void *arg, struct said *said)
{
	struct scene *s = arg;
	struct box *b = &s->b;
	uint64_t refs[2] = { b->list.v[0].ref, b->list.v[MESSAGES].ref };

	said->status = box_commit(b, refs, 2);
	said->done = 1;
	box_logout(b);
	return said->status;
}

static void check_committed(void *arg, const struct said *said)
{
	struct scene *s = arg;
	struct box *b = &s->left;
	bool whole;

	if (!take_over(s))
		return;
	CU_ASSERT_EQUAL(box_login(b), POPART_OK);
	whole = b->list.n == MESSAGES + 1;
	CU_ASSERT_TRUE(whole || b->list.n == MESSAGES - 1);
	CU_ASSERT_FALSE(whole && said->done);
	CU_ASSERT_EQUAL(find(b, "m0") != NULL, whole);
	CU_ASSERT_EQUAL(find(b, "large") != NULL, whole);
	check_letters(b, whole ? 0 : 1);
	if (whole)
		CU_ASSERT_EQUAL(box_get(b, find(b, "large"), large, LARGE), POPART_OK);
	CU_ASSERT_TRUE(box_is_sound(b));
	/* What the dead one did not get done the next one does. */
	box_logout(b);
	CU_ASSERT_EQUAL(box_number(b, "SELECT count(*) FROM doomed"), 0);
	CU_ASSERT_TRUE(box_is_sound(b));
}

static void commit_dies(void)
{
	struct scene s;

	furnish(&s);
	CU_ASSERT_EQUAL_FATAL(box_login(&s.b), POPART_OK);
	run(&s, commit_and_close, check_committed);
	clear(&s);
}

static int login_and_commit(void *arg, struct said *said)
{
	struct scene *s = arg;

	(void)said;
	box_restart(&s->b, NULL); /* keeps its connection */
	CU_ASSERT_EQUAL(box_login(&s->b), POPART_OK);
	return box_commit(&s->b, &s->b.list.v[0].ref, 1);
}

static int restart_and_deliver(void *arg, struct said *said)
{
	struct scene *s = arg;

	box_restart(&s->b, NULL);
	return deliver_it(arg, said);
}

/* A kill cannot show what a power failure would: that what was written is synced before the
 * answer. */
static void synced_at_the_end(void)
{
	struct said *said = said_new();
	struct trail t;
	struct scene s;

	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	furnish(&s);
	if (killed_at(0, login_and_commit, &s, said, &t)) {
		CU_ASSERT_TRUE(said->done && said->status == POPART_OK);
		CU_ASSERT_TRUE(t.last_write > 0 && t.last_sync > t.last_write);
		CU_ASSERT_TRUE(killed_at(0, restart_and_deliver, &s, said, &t));
		CU_ASSERT_TRUE(said->done && said->status == POPART_OK);
		CU_ASSERT_TRUE(t.last_write > 0 && t.last_sync > t.last_write);
	}
	s.looked = 1000;
	clear(&s);
	said_free(&said);
}

CU_TestInfo crash_tests[] = { { "a delivery dies anywhere", delivery_dies },
	{ "the first delivery dies anywhere", first_delivery_dies },
	{ "a commit dies anywhere", commit_dies },
	{ "what was written is synced before the answer", synced_at_the_end },
	CU_TEST_INFO_NULL };

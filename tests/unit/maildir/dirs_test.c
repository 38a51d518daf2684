/* SPDX-License-Identifier: MIT */
/* The directory that stays open while messages are fetched: what others do to it, and many
 * maildrops at once. */
#include "unit/maildir/tests.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "store.h"

static const char *const texts[] = { "a\n", "b\n", "c\n", "d\n", "e\n", "f\n" };
enum { MESSAGES = sizeof(texts) / sizeof(texts[0]) };

static void put_all(struct box *b)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		char name[64];

		snprintf(name, sizeof(name), "new/170000000%u.m", i);
		box_put(b, name, texts[i], 2);
	}
}

static int get(struct box *b, unsigned i)
{
	return box_get(b, &b->list.v[i], texts[i], 2);
}

/* With a listed Maildir, from which so much was fetched that its directory is open. */
static void begin(struct box *b)
{
	box_make(b, NULL);
	put_all(b);
	CU_ASSERT_EQUAL(box_login(b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b->list.n, MESSAGES);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(get(b, i), POPART_OK);
}

static void changes_are_seen(void)
{
	struct box b;

	begin(&b);
	box_rename(&b, "new/1700000003.m", "cur/1700000003.m:2,S");
	CU_ASSERT_EQUAL(get(&b, 3), POPART_OK);
	box_remove(&b, "new/1700000004.m");
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[4], "", 0), POPART_R_GONE);
	CU_ASSERT_EQUAL(get(&b, 0), POPART_OK);
	box_put(&b, "tmp/x", TEXT("longer\n"));
	box_rename(&b, "tmp/x", "new/1700000005.m");
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[5], "", 0), POPART_R_TEMP);
	CU_ASSERT_EQUAL(get(&b, 1), POPART_OK);
	box_free(&b);
}

static void move_away(struct box *b, char to[512])
{
	snprintf(to, 512, "%s/away", b->dir);
	scratch_must(rename(b->root, to) == 0, to);
}

static void make(const char *root)
{
	static const char *const subs[] = { "", "/cur", "/new", "/tmp" };

	for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++) {
		char path[600];

		snprintf(path, sizeof(path), "%s%s", root, subs[i]);
		scratch_must(mkdir(path, 0700) == 0, path);
	}
}

/* What is fetched is what was listed, or what has come to its place unchanged; never another
 * message of that name. */
static void another_in_its_place(void)
{
	struct box b;
	char away[512], path[600];

	begin(&b);
	move_away(&b, away);
	CU_ASSERT_EQUAL(get(&b, 3), POPART_OK);
	make(b.root);
	box_put(&b, "new/1700000003.m", TEXT("X\n"));
	box_put(&b, "new/1700000004.m", TEXT("e\n"));
	box_put(&b, "new/1700000005.m", TEXT("another\n"));
	CU_ASSERT_EQUAL(get(&b, 3), POPART_OK);
	for (unsigned i = 4; i < 6; i++) {
		snprintf(path, sizeof(path), "%s/new/170000000%u.m", away, i);
		scratch_must(unlink(path) == 0, path);
	}
	CU_ASSERT_EQUAL(get(&b, 4), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[5], "", 0), POPART_R_TEMP);
	box_free(&b);
}

/* How many descriptors there are; of this directory, or NULL: of whatever. */
static unsigned descriptors(const char *of)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	unsigned n = 0;

	scratch_must(d != NULL, "/proc/self/fd");
	while ((e = readdir(d)) != NULL) {
		char is[512];
		ssize_t len = readlinkat(dirfd(d), e->d_name, is, sizeof(is) - 1);

		is[len > 0 ? len : 0] = 0;
		n += !of || strcmp(is, of) == 0;
	}
	closedir(d);
	return n;
}

enum { DROPS = DIRS_PLACES + 8 };

struct visitor {
	struct popart_user user;
	char name[16], text[32], root[400];
	struct mock_call call;
	void *drop;
	struct mock_list list;
};

static void visit(struct box *b, struct visitor *v, unsigned number)
{
	char name[64];

	mock_list_init(&v->list);
	snprintf(v->name, sizeof(v->name), "u%u", number);
	snprintf(v->text, sizeof(v->text), "of %s\n", v->name);
	snprintf(v->root, sizeof(v->root), "%s/%s", b->dir, v->name);
	make(v->root);
	snprintf(name, sizeof(name), "../%s/new/1700000000.m", v->name);
	box_put(b, name, v->text, strlen(v->text));
	v->user = (struct popart_user){ .size = sizeof(v->user),
		.name = { v->name, strlen(v->name) } };
	CU_ASSERT_EQUAL_FATAL(
		visit_begin(b->host, &v->user, &v->call, &v->drop, &v->list), POPART_OK);
}

static void fetch(struct box *b, struct visitor *v)
{
	struct popart_source src = { .size = sizeof(src) };
	char got[32];

	CU_ASSERT_EQUAL_FATAL(b->ops->message(v->drop, &v->call.pub, 0, &src), POPART_OK);
	CU_ASSERT_EQUAL(src.length, strlen(v->text));
	CU_ASSERT_EQUAL(pread(src.fd, got, sizeof(got), 0), (ssize_t)src.length);
	CU_ASSERT_EQUAL(memcmp(got, v->text, (size_t)src.length), 0);
	src.release(&src);
}

static void more_than_places(void)
{
	struct visitor *all = calloc(DROPS, sizeof(*all));
	unsigned before, without = 0;
	struct box b;

	scratch_must(all != NULL, "memory");
	box_make(&b, NULL);
	b.per_user = true;
	box_restart(&b, NULL);
	before = descriptors(NULL);
	for (unsigned i = 0; i < DROPS; i++)
		visit(&b, &all[i], i);
	CU_ASSERT_EQUAL(descriptors(NULL), before);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < DROPS; i++)
			fetch(&b, &all[i]);
	CU_ASSERT_EQUAL(descriptors(NULL) - before, DIRS_PLACES);
	/* Those that rest leave theirs to others, and get one again. */
	while (descriptors(all[without].root) > 0)
		without++;
	nanosleep(&(struct timespec){ .tv_sec = 1, .tv_nsec = 50000000 }, NULL);
	fetch(&b, &all[without]);
	CU_ASSERT_EQUAL(descriptors(all[without].root), 1);
	CU_ASSERT_EQUAL(descriptors(NULL) - before, DIRS_PLACES);
	for (unsigned i = 0; i < DROPS; i++)
		fetch(&b, &all[i]);
	for (unsigned i = 0; i < DROPS; i++) {
		visit_end(b.host, &all[i].call, &all[i].drop, &all[i].list);
		CU_ASSERT_EQUAL(descriptors(all[i].root), 0);
	}
	CU_ASSERT_EQUAL(descriptors(NULL), before);
	free(all);
	box_free(&b);
}

/* A maildrop of which no more is known than where it is. */
static struct drop *a_drop(const char *root)
{
	struct drop *d = calloc(1, sizeof(*d) + strlen(root) + 1);

	scratch_must(d != NULL, "memory");
	memcpy(d->root, root, strlen(root));
	return d;
}

/* All look as if they had not been used for long. */
static void let_rest(struct dirs *dirs)
{
	for (unsigned i = 0; i < DIRS_PLACES; i++)
		atomic_store(&dirs->places[i].used_ns, 0);
}

static void taken_and_left(void)
{
	struct dirs *dirs = calloc(1, sizeof(*dirs));
	struct drop *a = a_drop("/tmp"), *b = a_drop("/");
	struct dirs_place *place;
	unsigned before = descriptors(NULL);

	scratch_must(dirs != NULL, "memory");
	CU_ASSERT_PTR_NULL(dirs_enter(dirs, a)); /* one message is no reason */
	place = dirs_enter(dirs, a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(place);
	CU_ASSERT_PTR_NULL(dirs_enter(dirs, a)); /* taken, if only to be looked at */
	dirs_leave(place);
	CU_ASSERT_PTR_EQUAL(dirs_enter(dirs, a), place);
	let_rest(dirs);
	CU_ASSERT_PTR_NULL(dirs_enter(dirs, b));
	CU_ASSERT_PTR_EQUAL(dirs_enter(dirs, b), &dirs->places[1]); /* the first is in use */
	dirs_leave(&dirs->places[1]);
	dirs_forget(dirs, b);
	dirs_leave(place);
	CU_ASSERT_PTR_EQUAL(dirs_enter(dirs, b), place); /* now it rests */
	CU_ASSERT_PTR_EQUAL(dirs_enter(dirs, a), &dirs->places[1]);
	dirs_leave(place);
	dirs_leave(&dirs->places[1]);
	CU_ASSERT_EQUAL(descriptors(NULL), before + 2);
	dirs_forget(dirs, a);
	dirs_forget(dirs, a);
	dirs_forget(dirs, b);
	CU_ASSERT_EQUAL(descriptors(NULL), before);
	free(a);
	free(b);
	free(dirs);
}

enum { THREADS = 4, EACH = DIRS_PLACES / 2, ROUNDS = 300 };

struct crowd {
	struct dirs dirs;
	_Atomic unsigned entered, wrong;
};

struct member {
	struct crowd *crowd;
	const char *root;
	ino_t ino;
};

/* Has so many maildrops that those of all threads find no places, but that they rest. */
static void *visit_all(void *arg)
{
	const struct member *m = arg;
	struct dirs *dirs = &m->crowd->dirs;
	struct drop *drops[EACH];

	for (unsigned i = 0; i < EACH; i++)
		drops[i] = a_drop(m->root);
	for (unsigned n = 0; n < ROUNDS * EACH; n++) {
		struct drop *d = drops[n % EACH];
		struct dirs_place *place = dirs_enter(dirs, d);
		struct stat st;

		if (place) {
			atomic_fetch_add(&m->crowd->entered, 1);
			if (place->owner != d || place->walk.names != &d->names ||
				fstat(place->fd, &st) != 0 || st.st_ino != m->ino)
				atomic_fetch_add(&m->crowd->wrong, 1);
			dirs_leave(place);
		}
		if (n % 7 == 0)
			dirs_forget(dirs, d);
		let_rest(dirs);
	}
	for (unsigned i = 0; i < EACH; i++) {
		dirs_forget(dirs, drops[i]);
		free(drops[i]);
	}
	return NULL;
}

static void taken_from_each_other(void)
{
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	struct member members[THREADS];
	pthread_t threads[THREADS];
	char roots[THREADS][600];
	unsigned before;
	struct stat st;
	struct box b;

	scratch_must(crowd != NULL, "memory");
	box_make(&b, NULL);
	before = descriptors(NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		snprintf(roots[i], sizeof(roots[i]), "%s/t%u", b.dir, i);
		scratch_must(mkdir(roots[i], 0700) == 0 && stat(roots[i], &st) == 0, roots[i]);
		members[i] = (struct member){ crowd, roots[i], st.st_ino };
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&threads[i], NULL, visit_all, &members[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT(crowd->entered > 0);
	CU_ASSERT_EQUAL(crowd->wrong, 0);
	CU_ASSERT_EQUAL(descriptors(NULL), before);
	for (unsigned i = 0; i < DIRS_PLACES; i++)
		CU_ASSERT(!crowd->dirs.places[i].taken && !crowd->dirs.places[i].owner);
	free(crowd);
	box_free(&b);
}

CU_TestInfo dirs_tests[] = { { "changes behind it are seen", changes_are_seen },
	{ "another Maildir in its place", another_in_its_place },
	{ "more maildrops than places", more_than_places },
	{ "taken, left, forgotten", taken_and_left },
	{ "taken from each other by many threads", taken_from_each_other }, CU_TEST_INFO_NULL };

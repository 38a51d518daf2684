/* SPDX-License-Identifier: MIT */
/* Other programs at work in the Maildir, between our calls and during them. */
#include "unit/maildir/tests.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static void moved_and_flagged(void)
{
	struct box b;

	box_make(&b, NULL);
	box_put(&b, "new/1700000000.a", TEXT("a\n"));
	box_put(&b, "cur/1700000001.b:2,", TEXT("b\n"));
	box_put(&b, "new/1700000002.c,W=3", TEXT("c\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 3);
	box_rename(&b, "new/1700000000.a", "cur/1700000000.a:2,S");
	box_rename(&b, "cur/1700000001.b:2,", "cur/1700000001.b:2,FRS");
	box_rename(&b, "new/1700000002.c,W=3", "cur/1700000002.c,S=2,W=3:2,");
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], TEXT("a\n")), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], TEXT("b\n")), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[2], TEXT("c\n")), POPART_OK);
	box_rename(&b, "cur/1700000000.a:2,S", "cur/1700000000.a:2,");
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], TEXT("a\n")), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 3);
	CU_ASSERT_STRING_EQUAL(b.list.v[2].uid, "1700000002.c");
	box_free(&b);
}

static void removed_by_another(void)
{
	struct box b;

	box_make(&b, NULL);
	box_put(&b, "new/1700000000.a", TEXT("a\n"));
	box_put(&b, "cur/1700000001.b:2,", TEXT("b\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	box_remove(&b, "new/1700000000.a");
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], "", 0), POPART_R_GONE);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], "", 0), POPART_R_GONE);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], TEXT("b\n")), POPART_OK);
	box_free(&b);
}

static void replaced(void)
{
	struct box b;
	char path[512];

	box_make(&b, NULL);
	box_put(&b, "cur/1700000000.a", TEXT("a\n"));
	box_put(&b, "cur/1700000001.b", TEXT("b\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	box_put(&b, "tmp/x", TEXT("A\n"));
	box_rename(&b, "tmp/x", "cur/1700000000.a");
	box_remove(&b, "cur/1700000001.b");
	box_path(&b, "cur/1700000001.b", path);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], TEXT("A\n")), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], "", 0), POPART_R_PERM);
	box_free(&b);
}

/* Messages that share a base name, and cannot be renamed: none is taken for another. */
static void twins_keep_apart(void)
{
	static const char *const read_only[] = { "read_only=true", NULL };
	struct box b;
	size_t twin;

	box_make(&b, read_only);
	box_put(&b, "cur/1700000000.a:2,", TEXT("a\n"));
	box_put(&b, "new/1700000000.a", TEXT("b\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 2);
	twin = b.list.v[0].uid[0] == '~' ? 0 : 1;
	CU_ASSERT_STRING_EQUAL(b.list.v[!twin].uid, "1700000000.a");
	box_remove(&b, "cur/1700000000.a:2,");
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[!twin], "", 0), POPART_R_GONE);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[twin], TEXT("b\n")), POPART_OK);
	/* Nor is one that comes later, even where no other name is left. */
	box_put(&b, "cur/1700000000.a:2,R", TEXT("c\n"));
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[!twin], "", 0), POPART_R_GONE);
	box_free(&b);
}

/* And one that comes with the base name of a removed one is not removed in its place. */
static void newcomer_stays(void)
{
	struct box b;
	size_t removed;

	box_make(&b, NULL);
	box_put(&b, "new/1700000000.a", TEXT("a\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	box_put(&b, "cur/1700000000.a:2,S", TEXT("c\n"));
	box_remove(&b, "new/1700000000.a");
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], "", 0), POPART_R_GONE);
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 0 }, 1, &removed), POPART_R_PARTIAL);
	CU_ASSERT_TRUE(box_has(&b, "cur/1700000000.a:2,S"));
	box_free(&b);
}

enum { CROWD = 300 };

struct mover {
	struct box *box;
	atomic_bool stop;
	atomic_uint moves;
};

/* Moves messages from new/ to cur/ and changes flags, as fast as it can. */
static void *move(void *arg)
{
	struct mover *m = arg;
	unsigned state[CROWD] = { 0 };

	while (!atomic_load(&m->stop)) {
		int i = (int)(atomic_fetch_add(&m->moves, 1) % CROWD);
		char from[64], to[64];
		const char *flags[] = { "", ":2,", ":2,S" };

		snprintf(from, sizeof(from), "%s/%d.m%s", state[i] ? "cur" : "new",
			1700000000 + i, flags[state[i]]);
		state[i] = state[i] == 2 ? 1 : state[i] + 1;
		snprintf(to, sizeof(to), "cur/%d.m%s", 1700000000 + i, flags[state[i]]);
		box_rename(m->box, from, to);
	}
	return NULL;
}

/* However busy another program is: everything is listed, and once; nothing that is listed
 * is lost, and nothing has a wrong size or another unique-id. */
static void restless(void)
{
	struct box b;
	struct mover m = { .box = &b };
	unsigned tried = 0, lost = 0;
	pthread_t thread;

	box_make(&b, NULL);
	for (int i = 0; i < CROWD; i++) {
		char name[64];

		snprintf(name, sizeof(name), "new/%d.m", 1700000000 + i);
		box_put(&b, name, TEXT("x\ny\n"));
	}
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, move, &m), 0);
	/* At least so often, and until the mover has had its turn with every message. */
	for (unsigned round = 0; round < 10 || atomic_load(&m.moves) <= CROWD; round++) {
		unsigned odd = 0;

		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL(b.list.n, CROWD);
		for (size_t i = 0; i < b.list.n; i++) {
			odd += b.list.v[i].wire_size != 6;
			odd += i > 0 && strcmp(b.list.v[i - 1].uid, b.list.v[i].uid) >= 0;
			if (i % 10)
				continue;
			tried++;
			lost += box_get(&b, &b.list.v[i], TEXT("x\ny\n")) != POPART_OK;
		}
		CU_ASSERT_EQUAL(odd, 0);
	}
	/* A reader can lose a race against such a mover, but not as a rule. */
	CU_ASSERT_TRUE(lost <= tried / 4);
	atomic_store(&m.stop, true);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "names-separated"), 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, CROWD);
	box_free(&b);
}

struct client {
	struct box *box;
	unsigned number, wrong;
	_Atomic bool over;
};

static struct popart_user user_of(char name[16], unsigned number)
{
	size_t len = (size_t)snprintf(name, 16, "user%u", number);

	return (struct popart_user){ .size = sizeof(struct popart_user),
		.name = { name, len } };
}

/* Delivers three, gets them, removes two; again and again. */
static void *client(void *arg)
{
	struct client *c = arg;
	const struct popart_storage_ops *ops = c->box->ops;
	void *state = mockhost_state(c->box->host);
	char name[16];
	struct popart_user user = user_of(name, c->number);
	struct popart_delivery about = { .size = sizeof(about) };

	for (size_t round = 0; round < 20; round++) {
		struct mock_call call;
		struct mock_list list;
		void *dlv, *drop;
		size_t removed = 0;

		mock_call_begin(&call, c->box->host, c->number % 2, c->number);
		mock_list_init(&list);
		for (unsigned i = 0; i < 3; i++) {
			c->wrong +=
				ops->deliver_begin(state, &call.pub, &user, &about, &dlv) != 0;
			c->wrong += ops->deliver_write(dlv, &call.pub, "x\ny\n", 4) != 0;
			c->wrong += ops->deliver_finish(dlv, &call.pub) != 0;
		}
		c->wrong += ops->open(state, &call.pub, &user, &drop) != 0;
		c->wrong += ops->list(drop, &call.pub, &list.sink) != 0;
		c->wrong += list.n != round + 3;
		for (size_t i = 0; i < list.n; i++) {
			struct popart_source src = { .size = sizeof(src) };

			c->wrong += list.v[i].wire_size != 6;
			c->wrong += ops->message(drop, &call.pub, list.v[i].ref, &src) != 0;
			src.wire_sent = 6;
			src.release(&src);
		}
		c->wrong +=
			ops->commit(drop, &call.pub, (uint64_t[]){ 0, 2 }, 2, &removed) != 0;
		c->wrong += removed != 2;
		ops->close(drop, &call.pub);
		mock_list_free(&list);
		mock_call_end(&call);
	}
	return NULL;
}

/* One instance, used by several threads at once, each in a maildrop of its own. */
static void many_threads(void)
{
	struct client clients[4] = { 0 };
	pthread_t threads[4];
	struct box b;

	box_make(&b, NULL);
	b.per_user = true;
	box_restart(&b, NULL);
	for (unsigned i = 0; i < 4; i++) {
		clients[i] = (struct client){ .box = &b, .number = i };
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&threads[i], NULL, client, &clients[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(clients[i].wrong, 0);
	}
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-removed"), 160);
	box_free(&b);
}

enum { NEWCOMERS = 60 };

/* The first message for one after the other. */
static void *deliver_first(void *arg)
{
	struct client *c = arg;
	const struct popart_storage_ops *ops = c->box->ops;
	void *state = mockhost_state(c->box->host), *dlv;
	struct popart_delivery about = { .size = sizeof(about) };

	for (unsigned i = 0; i < NEWCOMERS; i++) {
		char name[16];
		struct popart_user user = user_of(name, i);
		struct mock_call call;

		mock_call_begin(&call, c->box->host, 1, i);
		c->wrong += ops->deliver_begin(state, &call.pub, &user, &about, &dlv) != 0;
		c->wrong += ops->deliver_write(dlv, &call.pub, "x\ny\n", 4) != 0;
		c->wrong += ops->deliver_finish(dlv, &call.pub) != 0;
		mock_call_end(&call);
	}
	atomic_store(&c->over, true);
	return NULL;
}

/* How many messages a user has; failures are counted. */
static size_t look_in(struct client *c, unsigned number)
{
	const struct popart_storage_ops *ops = c->box->ops;
	void *state = mockhost_state(c->box->host), *drop = NULL;
	char name[16];
	struct popart_user user = user_of(name, number);
	struct mock_call call;
	struct mock_list list;
	size_t n = 0;

	mock_call_begin(&call, c->box->host, 0, number);
	mock_list_init(&list);
	if (ops->open(state, &call.pub, &user, &drop) == 0) {
		c->wrong += ops->list(drop, &call.pub, &list.sink) != 0;
		n = list.n;
		ops->close(drop, &call.pub);
	} else {
		c->wrong++;
	}
	mock_list_free(&list);
	mock_call_end(&call);
	return n;
}

/* A Maildir is there whole or not at all, also for who logs in while it is made. */
static void made_meanwhile(void)
{
	struct client deliverer = { 0 }, reader = { 0 };
	pthread_t thread;
	struct box b;

	box_make(&b, NULL);
	b.per_user = true;
	box_restart(&b, NULL);
	deliverer.box = reader.box = &b;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, deliver_first, &deliverer), 0);
	for (unsigned i = 0; i < NEWCOMERS; i++)
		while (look_in(&reader, i) == 0 && !atomic_load(&deliverer.over))
			;
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < NEWCOMERS; i++)
		CU_ASSERT_EQUAL(look_in(&reader, i), 1);
	CU_ASSERT_EQUAL(deliverer.wrong, 0);
	CU_ASSERT_EQUAL(reader.wrong, 0);
	box_free(&b);
}

CU_TestInfo race_tests[] = { { "moved and flagged during a session", moved_and_flagged },
	{ "removed by another program", removed_by_another }, { "replaced", replaced },
	{ "twins are not mistaken", twins_keep_apart },
	{ "a newcomer of the same name", newcomer_stays },
	{ "a program that never rests", restless },
	{ "one instance, many threads", many_threads },
	{ "made while its user logs in", made_meanwhile }, CU_TEST_INFO_NULL };

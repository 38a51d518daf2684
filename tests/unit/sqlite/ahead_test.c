/* SPDX-License-Identifier: MIT */
/* Messages that are read before they are asked for: fewer transactions, and nothing that was
 * noticed without it goes unnoticed. */
#include "unit/sqlite/tests.h"

#include <stdio.h>
#include <stdlib.h>
#include "ahead.h"
#include "sum.h"

enum { MANY = 40, HALF = 20 };

/* ---- how many transactions there are ---- */

static unsigned transactions;

static int saw(unsigned kind, void *arg, void *stmt, void *text)
{
	(void)kind;
	(void)arg;
	(void)stmt;
	transactions += strcmp(text, "BEGIN") == 0;
	return 0;
}

static int watch(sqlite3 *db, const char **why, const struct sqlite3_api_routines *api)
{
	(void)why;
	(void)api;
	return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, saw, NULL);
}

static void begin(struct box *b)
{
	CU_ASSERT_EQUAL_FATAL(sqlite3_auto_extension((void (*)(void))watch), SQLITE_OK);
	box_make(b, NULL);
	box_fill(b, MANY);
	CU_ASSERT_EQUAL_FATAL(box_login(b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b->list.n, MANY);
	transactions = 0;
}

static void end(struct box *b)
{
	box_free(b);
	sqlite3_reset_auto_extension();
}

/* The message with this index, as box_fill has put it in. */
static int get(struct box *b, unsigned i)
{
	char text[256];
	size_t n = box_letter(i, text);

	return box_get(b, &b->list.v[i], text, n);
}

/* A fetch of all before it, which leaves some behind it in memory. */
static void get_up_to(struct box *b, unsigned end)
{
	for (unsigned i = 0; i < end; i++)
		CU_ASSERT_EQUAL(get(b, i), POPART_OK);
}

/* ---- tests ---- */

static void in_order(void)
{
	struct box b;

	begin(&b);
	get_up_to(&b, MANY);
	CU_ASSERT_EQUAL(transactions, 6); /* of 1, 2, 4, 8, 16 and 9 messages */
	box_logout(&b);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	transactions = 0;
	get_up_to(&b, 2);
	CU_ASSERT_EQUAL(transactions, 2); /* nothing is left of the session before */
	end(&b);
}

/* Between two commands there is no transaction: 0 is "not busy", nobody reads in the WAL. */
static void nobody_waits(void)
{
	struct box b;

	begin(&b);
	get_up_to(&b, HALF);
	CU_ASSERT_EQUAL(box_number(&b, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	for (unsigned i = HALF; i < MANY; i++) {
		CU_ASSERT_EQUAL(get(&b, i), POPART_OK);
		CU_ASSERT_EQUAL(box_number(&b, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	}
	end(&b);
}

static void in_any_order(void)
{
	struct box b;

	begin(&b);
	for (unsigned i = MANY; i-- > 0;)
		CU_ASSERT_EQUAL(get(&b, i), POPART_OK);
	CU_ASSERT_EQUAL(transactions, MANY);
	for (unsigned i = 0; i < MANY; i += 3)
		CU_ASSERT_EQUAL(get(&b, i), POPART_OK);
	for (unsigned i = 0; i < 2 * MANY; i++)
		CU_ASSERT_EQUAL(get(&b, i / 2), POPART_OK);
	for (unsigned i = 0; i < 300; i++)
		CU_ASSERT_EQUAL(get(&b, (unsigned)rand() % MANY), POPART_OK);
	end(&b);
}

/* By another program, while it is in memory. */
static void vanished(void)
{
	struct box b;

	begin(&b);
	get_up_to(&b, HALF);
	box_number(&b, "DELETE FROM message WHERE uid = 'm20'");
	CU_ASSERT_EQUAL(get(&b, HALF), POPART_R_GONE);
	CU_ASSERT_EQUAL(get(&b, HALF + 1), POPART_OK);
	CU_ASSERT_EQUAL(get(&b, HALF + 2), POPART_OK);
	box_number(&b, "DELETE FROM chunk");
	CU_ASSERT_EQUAL(get(&b, HALF + 3), POPART_R_GONE);
	end(&b);
}

static void changed(void)
{
	static const char now[] = "Subject: new\r\n\r\n.\r\n";
	static const char stored[] = "Subject: new\r\n\r\n..\r\n";
	char sql[300];
	struct box b;
	int64_t id;

	begin(&b);
	get_up_to(&b, HALF);
	id = (int64_t)b.list.v[HALF].ref << SCHEMA_CHUNK_BITS;
	snprintf(sql, sizeof(sql),
		"UPDATE chunk SET sum = %jd, data = CAST('%s' AS BLOB) WHERE id = %jd",
		(intmax_t)sum64(stored, strlen(stored), (uint64_t)id), stored, (intmax_t)id);
	box_number(&b, sql);
	CU_ASSERT_EQUAL(get(&b, HALF), POPART_R_PERM); /* the index says another length */
	snprintf(sql, sizeof(sql), "UPDATE message SET size = %zu, stored = %zu WHERE id = %ju",
		strlen(now), strlen(stored), (uintmax_t)b.list.v[HALF].ref);
	b.list.v[HALF].wire_size = strlen(now);
	box_number(&b, sql);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[HALF], now, strlen(now)), POPART_OK);
	CU_ASSERT_EQUAL(get(&b, HALF + 1), POPART_OK);
	end(&b);
}

/* Only who asks for what is damaged is told so. */
static void damaged(void)
{
	struct box b;

	begin(&b);
	box_number(&b,
		"UPDATE chunk SET sum = sum + 1 WHERE id >> 20 = "
		"(SELECT id FROM message WHERE uid = 'm20')");
	get_up_to(&b, HALF);
	CU_ASSERT_EQUAL(get(&b, HALF), POPART_R_PERM);
	for (unsigned i = HALF + 1; i < MANY; i++)
		CU_ASSERT_EQUAL(get(&b, i), POPART_OK);
	end(&b);
}

static void replaced(void)
{
	char sql[256], copy[128];
	struct box b;

	begin(&b);
	get_up_to(&b, HALF);
	box_number(&b, "CREATE TABLE stranger (id INTEGER)");
	CU_ASSERT_EQUAL(get(&b, HALF), POPART_R_TEMP);
	end(&b);
	begin(&b);
	get_up_to(&b, HALF);
	snprintf(copy, sizeof(copy), "%s.copy", b.path);
	snprintf(sql, sizeof(sql), "VACUUM INTO '%s'", copy);
	box_number(&b, sql);
	CU_ASSERT_EQUAL(get(&b, HALF), POPART_OK);
	CU_ASSERT_EQUAL(rename(copy, b.path), 0);
	CU_ASSERT_EQUAL(get(&b, HALF + 1), POPART_R_TEMP);
	end(&b);
}

static void delivered_meanwhile(void)
{
	struct box b;

	begin(&b);
	for (unsigned i = 0; i < MANY; i++) {
		CU_ASSERT_EQUAL(get(&b, i), POPART_OK);
		if (i % 7 == 0)
			CU_ASSERT_EQUAL(box_deliver(&b, NULL, "x", 1), POPART_OK);
	}
	end(&b);
}

/* Large ones are not read ahead, nor is what is behind them. */
static void large_between(void)
{
	enum { LARGE = 100000 };
	char *large = malloc(LARGE);
	struct box b;

	memset(large, 'x', LARGE);
	memcpy(large + LARGE - 2, "\r\n", 2);
	begin(&b);
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, large, LARGE), POPART_OK);
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, "small\r\n", 7), POPART_OK);
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, "", 0), POPART_OK);
	box_logout(&b);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	get_up_to(&b, MANY);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[MANY], large, LARGE), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[MANY + 1], "small\r\n", 7), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[MANY + 2], "", 0), POPART_OK);
	end(&b);
	free(large);
}

/* Somebody keeps it from being turned back into one with a WAL. */
static void without_wal(void)
{
	static const char *const hasty[] = { "lock_timeout=100", NULL };
	sqlite3 *other = NULL;
	struct box b;

	begin(&b);
	box_restart(&b, hasty);
	box_number(&b, "PRAGMA journal_mode = DELETE");
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(b.path, &other), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(other, "BEGIN; SELECT * FROM message", NULL, NULL, NULL),
		SQLITE_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	transactions = 0;
	get_up_to(&b, HALF);
	CU_ASSERT_EQUAL(transactions, HALF);
	sqlite3_close(other);
	box_number(&b, "DELETE FROM message WHERE uid = 'm20'");
	CU_ASSERT_EQUAL(get(&b, HALF), POPART_R_GONE);
	end(&b);
}

/* ---- parts ---- */

static void marks(void)
{
	sqlite3 *db = NULL;
	struct mark m;
	const _Atomic uint32_t *header;
	struct box b;

	box_make(&b, NULL);
	box_fill(&b, 2);
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(b.path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, "SELECT * FROM message", NULL, NULL, NULL), SQLITE_OK);
	header = mark_find(db);
	CU_ASSERT_PTR_NOT_NULL_FATAL(header);
	mark_take(header, &m);
	box_number(&b, "SELECT count(*) FROM message");
	box_number(&b, "PRAGMA wal_checkpoint(PASSIVE)");
	CU_ASSERT_TRUE(mark_holds(header, &m));
	box_number(&b, "UPDATE message SET flags = flags + 1");
	CU_ASSERT_FALSE(mark_holds(header, &m));
	sqlite3_close(db);
	CU_ASSERT_EQUAL(sqlite3_open(":memory:", &db), SQLITE_OK);
	CU_ASSERT_PTR_NULL(mark_find(db));
	sqlite3_close(db);
	box_free(&b);
}

static struct ahead_message message(int64_t id, uint64_t stored)
{
	return (struct ahead_message){ .id = id, .stored = stored, .octets = malloc(stored) };
}

static void bounds(void)
{
	_Atomic uint32_t header[MARK_WORDS] = { 1 };
	struct ahead_message m;
	struct ahead a = { 0 };
	int64_t id = 1;

	CU_ASSERT_EQUAL(ahead_begin(&a, header, 1, id++), 0);
	for (unsigned n = 1; n < 100; n = 2 * n + 1)
		CU_ASSERT_EQUAL(ahead_begin(&a, header, 1, id++), n < 15 ? n : 15);
	/* 64 KiB, and what was begun */
	m = message(id, AHEAD_OCTETS - 1);
	CU_ASSERT_TRUE(ahead_add(&a, &m));
	m = message(id + 1, AHEAD_OCTETS);
	CU_ASSERT_FALSE(ahead_add(&a, &m));
	/* Another making, something was written; neither gives anything. */
	CU_ASSERT_FALSE(ahead_find(&a, header, 2, id, &m));
	header[MARK_WORDS - 1]++;
	CU_ASSERT_FALSE(ahead_find(&a, header, 1, id, &m));
	header[MARK_WORDS - 1]--;
	CU_ASSERT_FALSE(ahead_find(&a, header, 1, id - 1, &m));
	/* One that is passed over does not come back. */
	CU_ASSERT_TRUE(ahead_find(&a, header, 1, id + 1, &m));
	CU_ASSERT_EQUAL(m.stored, AHEAD_OCTETS);
	free(m.octets);
	CU_ASSERT_FALSE(ahead_find(&a, header, 1, id, &m));
	CU_ASSERT_FALSE(ahead_find(&a, header, 1, id + 1, &m));
	/* 15 of them */
	CU_ASSERT_EQUAL(ahead_begin(&a, header, 1, id + 2), 15);
	for (unsigned i = 0; i < 15; i++) {
		m = message(id + 3 + i, 1);
		CU_ASSERT_EQUAL(ahead_add(&a, &m), i < 14);
	}
	/* Those that were in vain make the next ones few. */
	CU_ASSERT_EQUAL(ahead_begin(&a, header, 1, id + 50), 0);
	CU_ASSERT_EQUAL(ahead_begin(&a, NULL, 1, id + 51), 0);
	ahead_clear(&a);
}

CU_TestInfo ahead_tests[] = { { "messages in order", in_order },
	{ "nobody waits for it", nobody_waits }, { "messages in any order", in_any_order },
	{ "one that has vanished", vanished }, { "one that was changed", changed },
	{ "one that is damaged", damaged }, { "a maildrop that was replaced", replaced },
	{ "deliveries meanwhile", delivered_meanwhile },
	{ "large ones between", large_between }, { "without a WAL", without_wal },
	{ "marks", marks }, { "bounds", bounds }, CU_TEST_INFO_NULL };

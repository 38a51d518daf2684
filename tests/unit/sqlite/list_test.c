/* SPDX-License-Identifier: MIT */
/* What is remembered of the list is what the index says, whoever has changed that. */
#include "unit/sqlite/tests.h"

#include <stdio.h>
#include <stdlib.h>
#include "check/complaints.h"
#include "entry.h"
#include "list.h"

enum { MANY = 200 };

/* What the session has been told, against the index itself. */
static bool is_right(struct box *b)
{
	for (size_t i = 0; i < b->list.n; i++) {
		const struct mock_msg *m = &b->list.v[i];
		char sql[300];

		snprintf(sql, sizeof(sql),
			"SELECT count(*) FROM message WHERE id = %ju AND uid = '%s' AND "
			"size = %ju AND received = %jd AND flags & 1 = %u",
			(uintmax_t)m->ref, m->uid, (uintmax_t)m->wire_size,
			(intmax_t)m->received_s, (unsigned)m->flags);
		if (box_number(b, sql) != 1 || (i && m->ref <= m[-1].ref))
			return false;
	}
	return box_number(b, "SELECT count(*) FROM message") == (int64_t)b->list.n;
}

static int64_t remembered(struct box *b)
{
	return box_number(b, "SELECT coalesce(sum(messages), 0) FROM listed");
}

/* As long as the checksums of rows are looked at, too. */
static bool is_sound(struct box *b)
{
	struct complaints c;

	return complaints_ask(&c, b->host, &b->user) == POPART_OK && c.n == 0 &&
		box_is_sound(b);
}

static void furnish(struct box *b)
{
	box_make(b, NULL);
	box_fill(b, MANY);
	CU_ASSERT_TRUE(remembered(b) > MANY - LIST_WORTH);
	CU_ASSERT_EQUAL(box_number(b, "SELECT count(*) FROM listed"), 1);
}

static void grows(void)
{
	struct box b;

	box_make(&b, NULL);
	CU_ASSERT_EQUAL(box_deliver(&b, "0", "x", 1), POPART_OK);
	for (unsigned n = 1; n < 3 * LIST_WORTH; n++) {
		char uid[16];

		snprintf(uid, sizeof(uid), "%u", n);
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_TRUE(b.list.n == n && is_right(&b));
		CU_ASSERT_EQUAL(remembered(&b), n / LIST_WORTH * LIST_WORTH);
		CU_ASSERT_EQUAL(box_deliver(&b, uid, uid, strlen(uid)), POPART_OK);
	}
	CU_ASSERT_TRUE(is_sound(&b));
	box_free(&b);
}

/* Full rows are left as they are. */
static void several_rows(void)
{
	struct box b;

	box_make(&b, NULL);
	CU_ASSERT_EQUAL(box_deliver(&b, "first", "x", 1), POPART_OK);
	box_number(&b,
		"WITH RECURSIVE n (i) AS (VALUES (2) UNION ALL SELECT i + 1 FROM n WHERE "
		"i < 2000) INSERT INTO message (id, uid, size, stored, form, flags, received) "
		"SELECT i, printf('%070d', i), 0, 0, 7, i & 1, 1700000000 + i FROM n");
	box_fill(&b, 2 * LIST_WORTH); /* as much as fits into a row, each time */
	CU_ASSERT_TRUE(box_number(&b, "SELECT count(*) FROM listed") >= 2);
	CU_ASSERT_TRUE(box_number(&b, "SELECT max(length(data)) FROM listed") <= LIST_OCTETS);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_TRUE(b.list.n == 2000 + 2 * LIST_WORTH);
	CU_ASSERT_EQUAL(box_commit(&b, &b.list.v[1500].ref, 1), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK); /* nearly all has a row now */
	CU_ASSERT_TRUE(is_right(&b));
	CU_ASSERT_TRUE(remembered(&b) > 1999 + LIST_WORTH);
	CU_ASSERT_TRUE(is_sound(&b));
	box_free(&b);
}

static void removals(void)
{
	struct box b;

	furnish(&b);
	while (box_login(&b) == POPART_OK && b.list.n > 0) {
		uint64_t refs[3];
		size_t n = 0;

		CU_ASSERT_TRUE(is_right(&b));
		for (size_t i = b.list.n % 7; i < b.list.n && n < 3; i += b.list.n / 3 + 1)
			refs[n++] = b.list.v[i].ref;
		if (n == 0)
			refs[n++] = b.list.v[0].ref;
		CU_ASSERT_EQUAL(box_commit(&b, refs, n), POPART_OK);
		CU_ASSERT_TRUE(remembered(&b) <= (int64_t)(b.list.n - n));
	}
	CU_ASSERT_PTR_NOT_NULL(b.drop);
	CU_ASSERT_EQUAL(remembered(&b), 0);
	CU_ASSERT_TRUE(is_sound(&b));
	box_free(&b);
}

/* SQL that other programs may run; each costs what is remembered, but never what is so. */
static void others(void)
{
	static const char *const changes[] = {
		"UPDATE message SET size = size + 1 WHERE id = 7",
		"UPDATE message SET uid = 'new' WHERE id = 150",
		"UPDATE message SET id = 100000 WHERE id = 9",
		"UPDATE message SET flags = 1",
		"DELETE FROM message WHERE id = 1",
		"DELETE FROM message WHERE id > 20 AND id < 190",
		"DELETE FROM message",
		"REPLACE INTO message SELECT id, uid, 5, stored, form, flags, 1 FROM message "
		"WHERE id = 30",
		"INSERT OR REPLACE INTO message SELECT NULL, uid, 5, stored, form, flags, 1 "
		"FROM message WHERE id = 30",
		"UPDATE OR REPLACE message SET uid = 'm3' WHERE id = 200",
		"PRAGMA user_version",
		"DROP TABLE listed",
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct box b;

		furnish(&b);
		box_number(&b, changes[i]);
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_TRUE(is_right(&b));
		box_free(&b);
	}
	for (size_t i = 0; i < 2; i++) { /* in what was removed before */
		struct box b;

		furnish(&b);
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL(box_commit(&b, &b.list.v[50].ref, 1), POPART_OK);
		box_logout(&b);
		CU_ASSERT_TRUE(remembered(&b) == MANY - 1);
		box_number(&b,
			i ? "INSERT INTO message VALUES (51, 'in', 0, 0, 7, 0, 1)"
			  : "UPDATE message SET id = 51 WHERE id = 60");
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_TRUE(is_right(&b));
		box_free(&b);
	}
}

/* It removes, runs no triggers, and knows nothing of the table. */
static void earlier_version(struct box *b, const char *sql)
{
	sqlite3 *db = NULL;

	CU_ASSERT_EQUAL_FATAL(sqlite3_open(b->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void by_an_earlier_version(void)
{
	struct box b;

	furnish(&b);
	earlier_version(
		&b, "INSERT INTO doomed VALUES (77); DELETE FROM message WHERE id = 77");
	CU_ASSERT_EQUAL(remembered(&b), MANY / LIST_WORTH * LIST_WORTH); /* one too many */
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL(b.list.n, MANY - 1);
		CU_ASSERT_TRUE(is_right(&b));
	}
	CU_ASSERT_EQUAL(box_commit(&b, &b.list.v[0].ref, 1), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK); /* and who writes next puts it right */
	CU_ASSERT_TRUE(is_right(&b));
	CU_ASSERT_EQUAL(remembered(&b), MANY - 2);
	CU_ASSERT_TRUE(is_sound(&b));
	box_free(&b);
}

/* The table and its triggers. */
static int64_t has_table(struct box *b)
{
	return box_number(b, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'listed%'");
}

static void make_old(struct box *b, unsigned messages)
{
	box_make(b, NULL);
	box_fill(b, messages);
	box_number(b, "DROP TRIGGER listed_insert");
	box_number(b, "DROP TRIGGER listed_delete");
	box_number(b, "DROP TRIGGER listed_update");
	box_number(b, "DROP TABLE listed");
	CU_ASSERT_EQUAL(has_table(b), 0);
}

/* A database that such a version has made gets its table when something is removed, before
 * the next session can be open: that would take it for another database. */
static void of_an_earlier_version(void)
{
	void *next = NULL;
	size_t removed;
	struct box b;

	make_old(&b, 2 * LIST_WORTH);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_commit(&b, &b.list.v[0].ref, 1), POPART_OK);
	CU_ASSERT_EQUAL(has_table(&b), 4);
	CU_ASSERT_EQUAL_FATAL(
		b.ops->open(mockhost_state(b.host), &b.call.pub, &b.user, &next), POPART_OK);
	CU_ASSERT_EQUAL(remembered(&b), 0);
	b.ops->close(b.drop, &b.call.pub);
	CU_ASSERT_EQUAL(remembered(&b), 2 * LIST_WORTH - 1);
	b.drop = next;
	CU_ASSERT_EQUAL(
		b.ops->commit(next, &b.call.pub, &b.list.v[1].ref, 1, &removed), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 2 * LIST_WORTH - 2);
	CU_ASSERT_TRUE(is_right(&b));
	CU_ASSERT_TRUE(is_sound(&b));
	box_free(&b);
}

/* It is no reason to refuse a commit that there cannot be a table, and no use where there
 * are few messages. */
static void without_table(void)
{
	struct box b;

	make_old(&b, LIST_WORTH - 1);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_commit(&b, &b.list.v[0].ref, 1), POPART_OK);
	box_logout(&b);
	CU_ASSERT_EQUAL(has_table(&b), 0);
	box_free(&b);
	make_old(&b, LIST_WORTH);
	box_number(&b, "CREATE TRIGGER listed_update DELETE ON message BEGIN SELECT 1; END");
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_commit(&b, &b.list.v[0].ref, 1), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, LIST_WORTH - 1);
	CU_ASSERT_EQUAL(has_table(&b), 1);
	box_free(&b);
}

/* The set is that of the login, also when rows are made between login and list. */
static void frozen(void)
{
	void *drop = NULL;
	struct box b;

	furnish(&b);
	mock_call_begin(&b.call, b.host, 0, 1);
	CU_ASSERT_EQUAL_FATAL(
		b.ops->open(mockhost_state(b.host), &b.call.pub, &b.user, &drop), POPART_OK);
	for (unsigned i = 0; i < 2 * LIST_WORTH; i++)
		CU_ASSERT_EQUAL(box_deliver(&b, NULL, "x", 1), POPART_OK);
	CU_ASSERT_TRUE(remembered(&b) > MANY);
	CU_ASSERT_EQUAL(b.ops->list(drop, &b.call.pub, &b.list.sink), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, MANY);
	b.ops->close(drop, &b.call.pub);
	mock_call_end(&b.call);
	mock_list_free(&b.list);
	box_free(&b);
}

static void damaged(void)
{
	static const struct {
		const char *sql;
		int status;
	} faults[] = {
		{ "UPDATE listed SET data = CAST(substr(data, 1, 40) || x'0000' || "
		  "substr(data, 43) AS BLOB)",
			POPART_R_PERM },
		{ "UPDATE listed SET data = x''", POPART_R_PERM },
		{ "UPDATE listed SET sum = sum + 1", POPART_R_PERM },
		/* There are not as many messages as it says: it is not looked at. */
		{ "UPDATE listed SET last = last + 1", POPART_OK },
		{ "UPDATE listed SET messages = messages - 1", POPART_OK },
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct complaints c;
		struct box b;

		furnish(&b);
		box_number(&b, faults[i].sql);
		CU_ASSERT_EQUAL(box_login(&b), faults[i].status);
		CU_ASSERT_TRUE(b.drop
				? is_right(&b)
				: box_log_has(&b, "a list of messages is not what it was"));
		CU_ASSERT_EQUAL(complaints_ask(&c, b.host, &b.user), POPART_OK);
		CU_ASSERT_TRUE(complaints_have(&c, "that is kept for logins is not what"));
		box_number(&b, "DELETE FROM listed"); /* as the check says */
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_TRUE(is_right(&b));
		box_free(&b);
	}
}

/* Numbers that cannot be, with a right checksum: no crash, no loop. */
static void nonsense(void)
{
	static const char *const octets[] = { "00", "01", "0100000000", "0100000001",
		"010000000161", "ffffffffffffffffff7f0000000161", "01000002016161",
		"01ffffffffffffffffffff01000000", "01000000810061", "010000004701" };

	for (size_t i = 0; i < sizeof(octets) / sizeof(octets[0]); i++) {
		char sql[300], raw[32];
		size_t n = strlen(octets[i]) / 2;
		struct box b;
		int status;

		furnish(&b);
		for (size_t k = 0; k < n; k++) {
			unsigned octet;

			sscanf(octets[i] + 2 * k, "%2x", &octet);
			raw[k] = (char)octet;
		}
		snprintf(sql, sizeof(sql), "UPDATE listed SET data = x'%s', sum = %jd",
			octets[i],
			(intmax_t)list_sum((struct popart_str){ raw, n }, 1,
				box_number(&b, "SELECT last FROM listed")));
		box_number(&b, sql);
		status = box_login(&b);
		CU_ASSERT_EQUAL(status, POPART_R_PERM);
		CU_ASSERT_TRUE(box_log_has(&b, "an impossible message"));
		box_free(&b);
	}
}

static void entries(void)
{
	static const uint64_t numbers[] = { 0, 1, 127, 128, 1 << 20, INT64_MAX - 1, INT64_MAX };
	enum { N = sizeof(numbers) / sizeof(numbers[0]) };
	static const char uid[71] =
		"0123456789012345678901234567890123456789012345678901234567890123456789";

	for (size_t i = 0; i < N * N * N; i++) {
		struct popart_msg is,
			m = { .ref = numbers[i % (N - 1) + 1],
				.wire_size = numbers[i / N % N],
				.received_s = (int64_t)(numbers[i / N / N] ^
					(i % 2 ? UINT64_MAX : 0)),
				.flags = i % 2,
				.uid = { uid, 1 + i % 70 } };
		char out[ENTRY_OCTETS_MAX];
		size_t n = entry_put(out, &m, 0);
		struct popart_str in = { out, n };

		CU_ASSERT_TRUE(n <= sizeof(out));
		CU_ASSERT_TRUE(entry_get(&in, 0, &is) && in.len == 0);
		CU_ASSERT_TRUE(is.ref == m.ref && is.wire_size == m.wire_size &&
			is.received_s == m.received_s && is.flags == m.flags);
		CU_ASSERT_TRUE(is.uid.len == m.uid.len && !memcmp(is.uid.ptr, uid, m.uid.len));
		for (size_t less = 0; less < n; less++) {
			char *exact = memcpy(malloc(less + 1), out, less);

			in = (struct popart_str){ exact, less };
			CU_ASSERT_FALSE(entry_get(&in, 0, &is));
			free(exact);
		}
	}
}

CU_TestInfo list_tests[] = { { "entries come back, and no part of one", entries },
	{ "it grows with what is delivered", grows }, { "several rows", several_rows },
	{ "what is removed is not remembered", removals },
	{ "changes by other programs", others },
	{ "changes by an earlier version", by_an_earlier_version },
	{ "a database of an earlier version", of_an_earlier_version },
	{ "a database that has no table", without_table },
	{ "the set is that of the login", frozen }, { "damage", damaged },
	{ "numbers that cannot be", nonsense }, CU_TEST_INFO_NULL };

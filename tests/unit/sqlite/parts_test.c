/* SPDX-License-Identifier: MIT */
/* Conversion, quotas, checksums, the spool. */
#include "unit/sqlite/tests.h"

#include <stdlib.h>
#include <unistd.h>
#include "form.h"
#include "quota.h"
#include "schema.h"
#include "spool.h"
#include "sum.h"

static const char *const texts[] = { "", "x", "\n", "\r", "\r\n", ".", "..", ".\n", "\n.\n..\n",
	".\r\n.\r\n", "a\r\n.b\r", "a\rb\n\r\n\n\r", "no end", "\r.\n", "\n\n.x.\n.y" };

/* The plainest way to say it. */
static size_t model(const char *in, size_t n, char *out, size_t *size)
{
	unsigned char *wire = mock_wire((const unsigned char *)in, n, size);
	size_t o = 0;

	for (size_t i = 0; i < *size; i++) {
		if (wire[i] == '.' && (i == 0 || wire[i - 1] == '\n'))
			out[o++] = '.';
		out[o++] = (char)wire[i];
	}
	free(wire);
	return o;
}

static void convert(const char *text, size_t n, size_t piece, size_t cap)
{
	char out[256], expected[256];
	struct form f = { 0 };
	size_t o = 0, size, expected_n = model(text, n, expected, &size);

	for (size_t at = 0; at < n; at += piece) {
		struct popart_str in = { text + at, n - at < piece ? n - at : piece };

		while (in.len)
			o += form_put(&f, &in, out + o, cap);
	}
	o += form_end(&f, out + o);
	CU_ASSERT_TRUE(o == expected_n && memcmp(out, expected, o) == 0);
	CU_ASSERT_EQUAL(f.stored, o);
	CU_ASSERT_EQUAL(form_size(&f), size);
	CU_ASSERT_EQUAL(form_flags(&f) & POPART_FORM_STUFFED ? 1 : 0, o != size);
	CU_ASSERT_TRUE(POPART_FORM_IS_WIRE(form_flags(&f)));
}

static void forms(void)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t piece = 1; piece < 12; piece++)
			for (size_t cap = FORM_OUT_MIN; cap < 12; cap++)
				convert(texts[i], strlen(texts[i]), piece, cap);
}

static void quotas(void)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t quota;
	} rows[] = { { "0", true, 0 }, { "1000", true, 1000 }, { "3k", true, 3072 },
		{ "500M", true, UINT64_C(500) << 20 }, { "2G", true, UINT64_C(2) << 30 },
		{ "1T", true, UINT64_C(1) << 40 }, { "", false, 0 }, { "M", false, 0 },
		{ "-1", false, 0 }, { "1 M", false, 0 }, { "1MB", false, 0 },
		{ "1X", false, 0 }, { "8388607T", true, UINT64_C(8388607) << 40 },
		{ "99999999T", false, 0 }, { "99999999999999999999", false, 0 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct popart_str text = { rows[i].text, strlen(rows[i].text) };
		uint64_t quota = 0;

		CU_ASSERT_EQUAL(quota_parse(text, &quota), rows[i].good);
		CU_ASSERT_EQUAL(quota, rows[i].quota);
	}
}

/* In every place an octet that is another one shows, and so does a length. */
static void sums(void)
{
	unsigned char data[100] = { 0 };
	uint64_t sum = sum64(data, 77, 1);

	CU_ASSERT_NOT_EQUAL(sum, sum64(data, 78, 1));
	CU_ASSERT_NOT_EQUAL(sum, sum64(data, 77, 2));
	for (size_t i = 0; i < 77; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			data[i] ^= (unsigned char)(1u << bit);
			CU_ASSERT_NOT_EQUAL(sum, sum64(data, 77, 1));
			data[i] ^= (unsigned char)(1u << bit);
		}
	/* It is in databases: it may not change. */
	CU_ASSERT_EQUAL(sum64("popart, popart, popart, popart, popart", 38, 3),
		UINT64_C(0x903b2cddb6957865));
}

static void spools(void)
{
	struct spool s;
	unsigned char *back = malloc(3 * SPOOL_MEMORY);

	spool_init(&s);
	for (unsigned i = 0; i < 3 * SPOOL_MEMORY; i++) {
		size_t n;
		char *room;

		CU_ASSERT_EQUAL_FATAL(spool_room(&s, "/tmp", 1, &room, &n), 0);
		*room = (char)(i % 251);
		s.len++;
		/* Small ones stay in memory. */
		CU_ASSERT_EQUAL(s.fd < 0, i < SPOOL_MEMORY);
	}
	CU_ASSERT_EQUAL(spool_read(&s, 0, back, 3 * SPOOL_MEMORY), 0);
	for (unsigned i = 0; i < 3 * SPOOL_MEMORY; i += 97)
		CU_ASSERT_EQUAL(back[i], i % 251);
	CU_ASSERT_EQUAL(spool_read(&s, s.filed - 5, back, 10), 0);
	CU_ASSERT_EQUAL(back[9], (s.filed + 4) % 251);
	spool_free(&s);
	CU_ASSERT_EQUAL(s.fd, -1);
	free(back);
}

static int64_t first(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

/* From any version to the last, with what is in it; or not at all. */
static void migrations(void)
{
	static const char *const steps[] = { "CREATE TABLE a (x)",
		"ALTER TABLE a ADD COLUMN y DEFAULT 5", "CREATE TABLE b (z)" };
	static const char *const broken_steps[] = { "CREATE TABLE a (x)",
		"CREATE TABLE c (x); CREATE TABLE a (x)" };
	const struct schema one = { 77, 1, steps, NULL },
			    three = { 77, 3, steps, "CREATE TABLE extra (x)" },
			    broken = { 77, 2, broken_steps, NULL };
	enum schema_state state;
	sqlite3 *db = NULL;

	CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
	CU_ASSERT_EQUAL(schema_look(db, &one, &state), SQLITE_OK);
	CU_ASSERT_EQUAL(state, SCHEMA_EMPTY);
	CU_ASSERT_EQUAL(schema_make(db, &one), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, "INSERT INTO a VALUES (1)", NULL, NULL, NULL), 0);
	CU_ASSERT_EQUAL(schema_look(db, &three, &state), SQLITE_OK);
	CU_ASSERT_EQUAL(state, SCHEMA_OLD);
	CU_ASSERT_NOT_EQUAL(schema_make(db, &broken), SQLITE_OK);
	CU_ASSERT_EQUAL(first(db, "SELECT count(*) FROM sqlite_schema"), 1);
	CU_ASSERT_EQUAL(first(db, "PRAGMA user_version"), 1);
	CU_ASSERT_EQUAL(schema_make(db, &three), SQLITE_OK);
	CU_ASSERT_EQUAL(schema_make(db, &three), SQLITE_OK); /* somebody was faster */
	CU_ASSERT_EQUAL(first(db, "SELECT x + y FROM a"), 6);
	CU_ASSERT_EQUAL(schema_look(db, &three, &state), SQLITE_OK);
	CU_ASSERT_EQUAL(state, SCHEMA_GOOD);
	CU_ASSERT_EQUAL(schema_look(db, &one, &state), SQLITE_OK);
	CU_ASSERT_EQUAL(state, SCHEMA_NEW);
	/* What an old one need not have only a new one gets. */
	CU_ASSERT_EQUAL(first(db, "SELECT count(*) FROM extra"), -1);
	sqlite3_close(db);
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
	CU_ASSERT_EQUAL(schema_make(db, &three), SQLITE_OK);
	CU_ASSERT_EQUAL(first(db, "SELECT count(*) FROM extra"), 0);
	sqlite3_close(db);
}

CU_TestInfo parts_tests[] = { { "schemas are brought up to date", migrations },
	{ "messages become wire form, however they are cut", forms },
	{ "quotas are sizes", quotas }, { "checksums", sums },
	{ "large messages go to a file without a name", spools }, CU_TEST_INFO_NULL };

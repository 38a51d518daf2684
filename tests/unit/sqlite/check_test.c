/* SPDX-License-Identifier: MIT */
/* Faults that are planted, and what check says of them. */
#include "unit/sqlite/tests.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "sum.h"
#include "check/complaints.h"

static const char *const none_kept[] = { "connections=0", NULL };

static char *large_letter(size_t n)
{
	char *text = malloc(n);

	for (size_t i = 0; i < n; i++)
		text[i] = i % 70 == 69 ? '\n' : i % 70 == 0 ? '.' : 'x';
	return text;
}

static void furnish(struct box *b)
{
	char *text = large_letter(200000);

	box_make(b, none_kept);
	box_fill(b, 4);
	CU_ASSERT_EQUAL(box_deliver(b, "large", text, 200000), POPART_OK);
	CU_ASSERT_EQUAL(box_deliver(b, "empty", "", 0), POPART_OK);
	CU_ASSERT_EQUAL(box_deliver(b, "cr", "x\r", 2), POPART_OK);
	free(text);
}

static void sound(void)
{
	struct complaints r;
	struct box b;

	box_make(&b, none_kept);
	CU_ASSERT_EQUAL(complaints_ask(&r, b.host, &b.user), POPART_OK); /* there is none */
	CU_ASSERT_EQUAL(r.n, 0);
	box_free(&b);
	furnish(&b);
	for (int round = 0; round < 2; round++) {
		CU_ASSERT_EQUAL(complaints_ask(&r, b.host, &b.user), POPART_OK);
		CU_ASSERT_STRING_EQUAL(r.text, "");
		CU_ASSERT_TRUE(r.steps > 7 && r.done == r.total && !r.backwards);
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL(box_commit(&b, &b.list.v[1].ref, 1), POPART_OK);
		if (round == 0)
			CU_ASSERT_EQUAL(complaints_ask(&r, b.host, &b.user),
				POPART_OK); /* not tidied yet */
		CU_ASSERT_EQUAL(r.n, 0);
		box_logout(&b);
	}
	box_free(&b);
}

static const struct {
	const char *sql, *says;
} faults[] = {
	{ "UPDATE message SET size = size + 1 WHERE id = 2",
		"message 2, uid \"m1\": its size is given as 28 and is 27" },
	{ "UPDATE message SET size = stored + 1 WHERE id = 2", "cannot be" },
	{ "UPDATE message SET size = -1 WHERE id = 2", "cannot be" },
	{ "UPDATE message SET uid = 'two words' WHERE id = 2",
		"its uid \"two?words\" is none" },
	{ "UPDATE message SET uid = '' WHERE id = 2", "message 2: its uid \"\" is none" },
	{ "UPDATE message SET form = 3 WHERE id = 2", "uid \"m1\": 3 is no form" },
	{ "UPDATE message SET form = 7 WHERE id = 2", "a dot that is not doubled" },
	{ "UPDATE message SET flags = 64 WHERE id = 2", "unknown flags, 64" },
	{ "UPDATE message SET received = -5 WHERE id = 2", "its time of arrival, -5, is none" },
	{ "DELETE FROM chunk WHERE id = (5 << 20) + 1",
		"message 5, uid \"large\": piece 2 of 4 is missing" },
	{ "UPDATE chunk SET data = zeroblob(65536) WHERE id = (5 << 20) + 2",
		"piece 3 of 4 is not what was written: its checksum is wrong" },
	{ "UPDATE chunk SET data = zeroblob(5) WHERE id = (5 << 20) + 1",
		"piece 2 of 4 has a wrong length" },
	{ "INSERT INTO chunk VALUES ((5 << 20) + 9, 0, x'78')", "there are 1 pieces too many" },
	{ "INSERT INTO chunk VALUES ((77 << 20) + 9, 0, zeroblob(1))",
		"1 pieces of a message 77 are there, and no such message" },
	{ "DELETE FROM message WHERE id = 5",
		"4 pieces of a message 5 are there, and no such message" },
	{ "INSERT INTO doomed VALUES (3)",
		"message 3, uid \"m2\", is in the list of removed messages" },
	{ "UPDATE sqlite_sequence SET seq = 3", "the counter of messages is 3" },
	{ "DELETE FROM sqlite_sequence", "the counter of messages is 0" },
	{ "CREATE TRIGGER t AFTER INSERT ON message BEGIN DELETE FROM chunk; END",
		"a trigger \"t\" that is not of popart's making" },
};

static void planted(void)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct complaints r;
		struct box b;

		furnish(&b);
		box_number(&b, faults[i].sql);
		CU_ASSERT_EQUAL(complaints_ask(&r, b.host, &b.user), POPART_OK);
		CU_ASSERT_TRUE(r.n >= 1);
		CU_ASSERT_TRUE(complaints_have(&r, faults[i].says));
		box_free(&b);
	}
}

/* With a right checksum, too. */
static void octets(void)
{
	static const struct {
		const char *octets, *says;
	} rows[] = { { "A: b\r\n\r\n..\r\nxy\n", "1 lines do not end in CRLF" },
		{ "A: b\r\n\r\n..\r\nx\r\r", "its last line has no end" },
		{ "A: b\r\n\r\n.x\r\nx\r\n", "a dot that is not doubled" },
		{ "A: b\r\n\r\n..\r\n.\r\n", "a dot that is not doubled" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].octets);
		char sql[300], hex[64] = "";
		struct complaints r;
		struct box b;

		furnish(&b);
		for (size_t k = 0; k < len; k++)
			snprintf(hex + 2 * k, 3, "%02x", (unsigned char)rows[i].octets[k]);
		snprintf(sql, sizeof(sql),
			"UPDATE chunk SET data = x'%s', sum = %jd WHERE id = 2 << 20", hex,
			(intmax_t)sum64(rows[i].octets, len, 2 << 20));
		box_number(&b, sql);
		snprintf(sql, sizeof(sql),
			"UPDATE message SET stored = %zu, size = 5 WHERE id = 2", len);
		box_number(&b, sql);
		CU_ASSERT_EQUAL(complaints_ask(&r, b.host, &b.user), POPART_OK);
		CU_ASSERT_TRUE(complaints_have(&r, rows[i].says));
		box_free(&b);
	}
}

static void broken_pages(void)
{
	static const unsigned char count[4] = { 0, 0, 1, 0 };
	struct complaints r;
	struct box b;
	int fd;

	furnish(&b);
	fd = open(b.path, O_RDWR | O_CLOEXEC);
	CU_ASSERT_EQUAL(pwrite(fd, count, sizeof(count), 36), 4); /* of free pages */
	close(fd);
	CU_ASSERT_EQUAL(complaints_ask(&r, b.host, &b.user), POPART_OK);
	CU_ASSERT_TRUE(complaints_have(&r, "SQLite: "));
	fd = open(b.path, O_RDWR | O_CLOEXEC);
	CU_ASSERT_EQUAL(pwrite(fd, "noise", 5, 0), 5);
	close(fd);
	CU_ASSERT_EQUAL(complaints_ask(&r, b.host, &b.user), POPART_R_PERM);
	box_free(&b);
}

static void stopped(void)
{
	struct complaints r;
	struct box b;

	furnish(&b);
	for (unsigned nth = 1; nth < 9; nth++) {
		mockhost_stop_at(b.host, nth);
		CU_ASSERT_EQUAL(complaints_ask(&r, b.host, &b.user), POPART_E_CANCELLED);
	}
	mockhost_stop_at(b.host, 0);
	CU_ASSERT_EQUAL(complaints_ask(&r, b.host, &b.user), POPART_OK);
	box_free(&b);
}

CU_TestInfo check_tests[] = { { "nothing is said of what is sound", sound },
	{ "planted faults are found", planted },
	{ "octets that are not in their form", octets }, { "broken pages", broken_pages },
	{ "it can be stopped", stopped }, CU_TEST_INFO_NULL };

/* SPDX-License-Identifier: MIT */
/* Files that are not what they should be. */
#include "unit/sqlite/tests.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 8192, LETTERS = 40 };

static const char *const none_kept[] = { "connections=0", NULL };

static char *load(const struct box *b, size_t *n)
{
	int fd = open(b->path, O_RDONLY | O_CLOEXEC);
	char *data = malloc(1 << 22);
	ssize_t got = fd < 0 ? 0 : read(fd, data, 1 << 22);

	*n = got > 0 ? (size_t)got : 0;
	if (fd >= 0)
		close(fd);
	return data;
}

static void store(const struct box *b, const void *data, size_t n)
{
	int fd = open(b->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CU_ASSERT_TRUE(fd >= 0 && write(fd, data, n) == (ssize_t)n);
	close(fd);
}

static bool unchanged(const struct box *b, const void *data, size_t n)
{
	size_t now_n;
	char *now = load(b, &now_n);
	bool same = now_n == n && memcmp(now, data, n) == 0;

	free(now);
	return same;
}

/* PERM for who logs in and for what is delivered, a hint, and not an octet changed. */
static void refused(struct box *b, const void *data, size_t n, const char *hint)
{
	store(b, data, n);
	CU_ASSERT_EQUAL(box_login(b), POPART_R_PERM);
	CU_ASSERT_TRUE(box_log_has(b, hint));
	CU_ASSERT_EQUAL(box_deliver(b, NULL, "x", 1), POPART_R_PERM);
	CU_ASSERT_TRUE(unchanged(b, data, n));
}

static void strangers(void)
{
	static char text[5000], noise[40000];
	struct box b;

	box_make(&b, none_kept);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 60 == 59 ? '\n' : 'a';
	srand(1);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)rand();
	refused(&b, text, sizeof(text), "no SQLite database");
	refused(&b, noise, sizeof(noise), "no SQLite database");
	refused(&b, "x", 1, "no SQLite database");
	box_free(&b);
}

/* Made, and nothing written yet. */
static void empty_file(void)
{
	struct box b;

	box_make(&b, none_kept);
	store(&b, "", 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 0);
	CU_ASSERT_TRUE(unchanged(&b, "", 0));
	box_fill(&b, 1);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 1);
	box_free(&b);
}

static void other_databases(void)
{
	struct box b;
	size_t n;
	char *data;

	box_make(&b, none_kept);
	store(&b, "", 0);
	box_number(&b, "CREATE TABLE addresses (name)");
	data = load(&b, &n);
	refused(&b, data, n, "belongs to another program");
	free(data);
	box_free(&b);
	/* Ours, and yet to come. */
	box_make(&b, none_kept);
	box_fill(&b, 1);
	box_number(&b, "PRAGMA user_version = 999");
	data = load(&b, &n);
	refused(&b, data, n, "a later version of popart");
	free(data);
	box_free(&b);
	/* It says that it is ours, and is not. */
	box_make(&b, none_kept);
	box_fill(&b, 1);
	box_number(&b, "DROP TABLE message");
	data = load(&b, &n);
	refused(&b, data, n, "damaged");
	free(data);
	box_free(&b);
}

/* Some letters and a large message; its octets say which. */
static char *furnish(struct box *b, char *large, size_t large_n, size_t *n)
{
	box_make(b, none_kept);
	memset(large, 'L', large_n);
	memcpy(large + large_n - 2, "\r\n", 2);
	box_fill(b, LETTERS);
	CU_ASSERT_EQUAL(box_deliver(b, "large", large, large_n), POPART_OK);
	return load(b, n);
}

/* Whatever can be had of a damaged database is right, the rest is an error. */
static unsigned look_through(struct box *b, const char *large, size_t large_n)
{
	unsigned refused = 0;
	int status = box_login(b);

	if (status) {
		CU_ASSERT_EQUAL(status, POPART_R_PERM);
		return 1;
	}
	for (size_t i = 0; i < b->list.n; i++) {
		struct mock_msg *m = &b->list.v[i];
		char text[256];
		size_t n = strcmp(m->uid, "large") == 0
			? large_n
			: box_letter((unsigned)atoi(m->uid + 1), text);

		status = box_get(b, m, n == large_n ? large : text, n);
		CU_ASSERT_TRUE(status == POPART_OK || status == POPART_R_PERM ||
			status == POPART_R_GONE || status < 0);
		refused += status != POPART_OK;
	}
	box_logout(b);
	return refused;
}

static void overwritten(void)
{
	static char large[200000];
	unsigned found = 0;
	size_t n;
	struct box b;
	char *data = furnish(&b, large, sizeof(large), &n), *now = malloc(n);

	srand(7);
	for (size_t page = 0; page < n / PAGE; page++) {
		memcpy(now, data, n);
		for (size_t i = 0; i < PAGE; i++)
			now[page * PAGE + i] = (char)rand();
		store(&b, now, n);
		found += look_through(&b, large, sizeof(large)) > 0;
		CU_ASSERT_TRUE(unchanged(&b, now, n));
	}
	/* All but pages that hold nothing (pointers for shrinking, free ones). */
	CU_ASSERT_TRUE(found + 8 > n / PAGE);
	free(now);
	free(data);
	box_free(&b);
}

static void truncated(void)
{
	enum { UNUSED = 2001 };    /* octets at the end of the last page: the loss is none */
	static char large[202000]; /* its last page is full: to lose octets of it is a loss */
	size_t n;
	struct box b;
	char *data = furnish(&b, large, sizeof(large), &n);

	for (size_t left = 100; left < n; left += left < PAGE ? 4321 : PAGE + 777) {
		store(&b, data, left);
		CU_ASSERT_TRUE(
			look_through(&b, large, sizeof(large)) > 0 || left + UNUSED >= n);
		CU_ASSERT_TRUE(unchanged(&b, data, left));
	}
	free(data);
	box_free(&b);
}

/* A bit that SQLite does not see, in the octets of a letter: found before +OK. */
static void one_bit(void)
{
	char text[256];
	size_t n, text_n = box_letter(3, text);
	struct box b;
	char *data, *at;

	box_make(&b, none_kept);
	box_fill(&b, 5);
	data = load(&b, &n);
	at = memmem(data, n, "..line 3", 8);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	at[3] ^= 1;
	store(&b, data, n);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[3], text, text_n), POPART_R_PERM);
	CU_ASSERT_TRUE(box_log_has(&b, "damaged"));
	text_n = box_letter(4, text);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[4], text, text_n), POPART_OK);
	free(data);
	box_free(&b);
}

/* Nor is what stands in the WAL moved into a file that is damaged. */
static void left_alone(void)
{
	char text[256];
	size_t n, wal_n, text_n = box_letter(3, text);
	struct box b, wal;
	char *data, *wal_data, *at;

	box_make(&b, none_kept);
	box_fill(&b, 5);
	data = load(&b, &n);
	at = memmem(data, n, "..line 3", 8);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	at[3] ^= 1;
	store(&b, data, n);
	box_restart(&b, NULL);
	CU_ASSERT_EQUAL(box_deliver(&b, NULL, text, text_n), POPART_OK);
	wal = b;
	snprintf(wal.path, sizeof(wal.path), "%s/mail.db-wal", b.dir);
	wal_data = load(&wal, &wal_n);
	CU_ASSERT_TRUE(wal_n > 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[3], text, text_n), POPART_R_PERM);
	box_logout(&b);
	mockhost_stop(&b.host);
	CU_ASSERT_TRUE(unchanged(&b, data, n));
	CU_ASSERT_TRUE(unchanged(&wal, wal_data, wal_n));
	box_restart(&b, NULL);
	free(wal_data);
	free(data);
	box_free(&b);
}

/* Triggers and views of somebody who can write the file do nothing. */
static void traps(void)
{
	struct box b;

	box_make(&b, none_kept);
	box_fill(&b, 3);
	box_number(&b,
		"CREATE TRIGGER trap AFTER DELETE ON message BEGIN "
		"DELETE FROM message; END");
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_commit(&b, &b.list.v[0].ref, 1), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 2);
	box_free(&b);
}

/* The sums are of the chunks; what the index says of their form has to fit. */
static void impossible_forms(void)
{
	static const char *const changes[] = { "form = 0", "form = 1", "form = 5", "form = 6",
		"form = 15", "size = size + 1", "size = size - 1", "size = -1" };
	static const char dots[] = "a\n.b\n..\n";
	char sql[128];
	struct box b;

	box_make(&b, NULL);
	CU_ASSERT_EQUAL(box_deliver(&b, "plain", "a\nb\n", 4), POPART_OK);
	CU_ASSERT_EQUAL(box_deliver(&b, "dots", dots, sizeof(dots) - 1), POPART_OK);
	for (size_t i = 0; i < 2 * (sizeof(changes) / sizeof(changes[0])); i++) {
		const char *change = changes[i / 2];
		unsigned char *octets = NULL;
		size_t n;

		if (i % 2 == 1 && strncmp(change, "size = size", 11) == 0)
			continue; /* could be: so many dots are doubled */
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		snprintf(sql, sizeof(sql), "UPDATE message SET %s WHERE id = %zu", change,
			i % 2 + 1);
		box_number(&b, sql);
		CU_ASSERT_EQUAL(box_read(&b, &b.list.v[i % 2], &octets, &n), POPART_R_PERM);
		free(octets);
		snprintf(sql, sizeof(sql),
			"UPDATE message SET size = %d, form = %d WHERE id = %zu",
			i % 2 ? 11 : 6, i % 2 ? 13 : 7, i % 2 + 1);
		box_number(&b, sql);
	}
	box_free(&b);
}

static void impossible_rows(void)
{
	struct box b;

	box_make(&b, none_kept);
	box_fill(&b, 2);
	box_number(&b, "UPDATE message SET uid = '' WHERE id = 1");
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_PERM);
	box_number(&b, "UPDATE message SET uid = 'm0', stored = -5 WHERE id = 1");
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], "", 0), POPART_R_PERM);
	box_number(&b, "UPDATE message SET stored = 1 WHERE id = 1");
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[0], "", 0), POPART_R_PERM);
	box_free(&b);
}

CU_TestInfo damage_tests[] = { { "files that are no database", strangers },
	{ "an empty file", empty_file }, { "databases of others", other_databases },
	{ "each page overwritten", overwritten }, { "cut off anywhere", truncated },
	{ "a single bit", one_bit }, { "a WAL beside it", left_alone }, { "triggers", traps },
	{ "rows that cannot be", impossible_rows },
	{ "what the index says of a message's form", impossible_forms }, CU_TEST_INFO_NULL };

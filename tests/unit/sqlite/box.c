/* SPDX-License-Identifier: MIT */
#include "unit/sqlite/box.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void start(struct box *b, const char *const *options)
{
	const char *all[16], *why = NULL;
	char path[160];
	size_t n = 0;

	snprintf(path, sizeof(path), "path=%s", b->path);
	all[n++] = path;
	for (; options && *options; options++)
		all[n++] = *options;
	all[n] = NULL;
	b->host = mockhost_start(popart_module_entry_sqlite(), all, 2, &why);
	scratch_must(b->host != NULL, why ? why : "start");
	b->ops = mockhost_storage(b->host);
}

/* Most of what a file system without a disk cannot show is not looked for here. */
static const char *fast_directory(void)
{
	return access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
}

void box_make_in(struct box *b, const char *where, const char *const *options)
{
	memset(b, 0, sizeof(*b));
	mock_list_init(&b->list);
	b->user = (struct popart_user){ .size = sizeof(b->user), .name = { "alice", 5 } };
	scratch_make(b->dir, sizeof(b->dir), where ? where : fast_directory());
	snprintf(b->path, sizeof(b->path), "%s/mail.db", b->dir);
	start(b, options);
}

void box_make(struct box *b, const char *const *options)
{
	box_make_in(b, NULL, options);
}

void box_restart(struct box *b, const char *const *options)
{
	box_logout(b);
	mockhost_stop(&b->host);
	start(b, options);
}

void box_free(struct box *b)
{
	box_logout(b);
	mockhost_stop(&b->host);
	scratch_remove(b->dir);
}

int box_login(struct box *b)
{
	box_logout(b);
	return visit_begin(b->host, &b->user, &b->call, &b->drop, &b->list);
}

void box_logout(struct box *b)
{
	visit_end(b->host, &b->call, &b->drop, &b->list);
}

static void unstuff(unsigned char *p, size_t *n)
{
	size_t o = 0;

	for (size_t i = 0; i < *n; i++) {
		if (p[i] == '.' && (i == 0 || p[i - 1] == '\n'))
			i++;
		p[o++] = p[i];
	}
	*n = o;
}

int box_read(struct box *b, const struct mock_msg *m, unsigned char **octets, size_t *n)
{
	struct popart_source src = { .size = sizeof(src) };
	int status = b->ops->message(b->drop, &b->call.pub, m->ref, &src);
	int64_t error;

	*octets = NULL;
	if (status)
		return status;
	*octets = mock_source_read(&b->call, &src, n, &error);
	if (*octets) {
		CU_ASSERT_TRUE(POPART_FORM_IS_WIRE(src.form));
		CU_ASSERT_EQUAL(src.length, *n);
		if (src.form & POPART_FORM_STUFFED)
			unstuff(*octets, n);
		CU_ASSERT_EQUAL(*n, m->wire_size);
	}
	src.release(&src);
	return *octets ? POPART_OK : (int)error;
}

int box_get(struct box *b, const struct mock_msg *m, const void *wire, size_t n)
{
	unsigned char *got;
	size_t got_n;
	int status = box_read(b, m, &got, &got_n);

	if (status)
		return status;
	CU_ASSERT_TRUE(got_n == n && memcmp(got, wire, n) == 0);
	free(got);
	return POPART_OK;
}

int box_commit(struct box *b, const uint64_t *refs, size_t n)
{
	size_t removed;
	int status = b->ops->commit(b->drop, &b->call.pub, refs, n, &removed);

	CU_ASSERT_EQUAL(removed, status ? 0 : n);
	return status;
}

int box_deliver(struct box *b, const char *uid, const void *data, size_t n)
{
	struct popart_delivery about = { .size = sizeof(about),
		.size_hint = n,
		.received_s = 1700000000,
		.uid = { uid, uid ? strlen(uid) : 0 } };
	struct popart_user user = b->user;

	user.attrs = &b->attr;
	user.nattrs = b->attr.key.len > 0;
	return visit_deliver(b->host, &user, &about, data, n, 50000);
}

size_t box_letter(unsigned i, char text[256])
{
	return (size_t)snprintf(text, 256, "Subject: %u\r\n\r\n.line %u\r\n..\r\n", i, i);
}

void box_fill(struct box *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char uid[16], text[256];
		size_t len = box_letter(i, text);

		snprintf(uid, sizeof(uid), "m%u", i);
		CU_ASSERT_EQUAL_FATAL(box_deliver(b, uid, text, len), POPART_OK);
	}
}

int64_t box_number(struct box *b, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int64_t number = -1;

	scratch_must(sqlite3_open_v2(b->path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK,
		b->path);
	sqlite3_busy_timeout(db, 10000);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		number = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return number;
}

bool box_is_sound(struct box *b)
{
	return box_number(b,
		       "SELECT (SELECT integrity_check FROM pragma_integrity_check) = 'ok' "
		       "AND NOT EXISTS (SELECT 1 FROM message m WHERE stored != (SELECT "
		       "coalesce(sum(length(data)), 0) FROM chunk "
		       "WHERE id >= m.id << 20 AND id < (m.id + 1) << 20)) "
		       "AND NOT EXISTS (SELECT 1 FROM chunk WHERE id >> 20 NOT IN "
		       "(SELECT id FROM message UNION SELECT id FROM doomed)) "
		       "AND NOT EXISTS (SELECT 1 FROM doomed JOIN message USING (id))") == 1;
}

size_t box_size(const struct box *b)
{
	struct stat st;

	return stat(b->path, &st) == 0 ? (size_t)st.st_size : 0;
}

bool box_log_has(const struct box *b, const char *text)
{
	return strstr(mockhost_log(b->host), text) != NULL ||
		strstr(b->call.detail, text) != NULL;
}

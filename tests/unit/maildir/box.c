/* SPDX-License-Identifier: MIT */
#include "unit/maildir/box.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const struct popart_user alice = { .size = sizeof(alice), .name = { "alice", 5 } };

void box_path(const struct box *b, const char *name, char path[512])
{
	scratch_must(snprintf(path, 512, "%s/%s", b->root, name) < 512, name);
}

static void start(struct box *b, const char *const *options)
{
	const char *all[16];
	char path[400];
	size_t n = 0;
	const char *why;

	snprintf(path, sizeof(path), "path=%s/%s", b->dir, b->per_user ? "%u" : "Maildir");
	all[n++] = path;
	for (; options && *options; options++)
		all[n++] = *options;
	all[n] = NULL;
	b->host = mockhost_start(popart_module_entry_maildir(), all, 2, &why);
	scratch_must(b->host != NULL, why ? why : "start");
	b->ops = mockhost_storage(b->host);
}

void box_make(struct box *b, const char *const *options)
{
	static const char *const parts[] = { "", "new", "cur", "tmp" };
	char path[512];

	memset(b, 0, sizeof(*b));
	mock_list_init(&b->list);
	scratch_make(b->dir, sizeof(b->dir), NULL);
	snprintf(b->root, sizeof(b->root), "%s/Maildir", b->dir);
	for (size_t i = 0; i < 4; i++) {
		box_path(b, parts[i], path);
		scratch_must(mkdir(path, 0700) == 0, path);
	}
	start(b, options);
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

void box_put(struct box *b, const char *name, const void *data, size_t n)
{
	char path[512];
	int fd;

	box_path(b, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	scratch_must(fd >= 0 && write(fd, data, n) == (ssize_t)n && close(fd) == 0, path);
}

void box_rename(struct box *b, const char *from, const char *to)
{
	char a[512], z[512];

	box_path(b, from, a);
	box_path(b, to, z);
	scratch_must(rename(a, z) == 0, a);
}

void box_remove(struct box *b, const char *name)
{
	char path[512];

	box_path(b, name, path);
	scratch_must(unlink(path) == 0, path);
}

bool box_has(struct box *b, const char *name)
{
	char path[512];
	struct stat st;

	box_path(b, name, path);
	return lstat(path, &st) == 0;
}

/* mtime can be set; ctime, which the module looks at as well, only by waiting. */
void box_age(struct box *b)
{
	(void)b;
	nanosleep(&(struct timespec){ .tv_sec = 2, .tv_nsec = 50000000 }, NULL);
}

size_t box_entries(struct box *b, const char *dir)
{
	char path[512];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	box_path(b, dir, path);
	d = opendir(path);
	scratch_must(d != NULL, path);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

int box_login(struct box *b)
{
	box_logout(b);
	return visit_begin(b->host, &alice, &b->call, &b->drop, &b->list);
}

void box_logout(struct box *b)
{
	visit_end(b->host, &b->call, &b->drop, &b->list);
}

const struct mock_msg *box_find(struct box *b, const char *uid)
{
	for (size_t i = 0; i < b->list.n; i++)
		if (b->list.v[i].uid_len == strlen(uid) && strcmp(b->list.v[i].uid, uid) == 0)
			return &b->list.v[i];
	return NULL;
}

static void check_form(const struct popart_source *src, const unsigned char *p, size_t n)
{
	bool crlf = true, dots = n > 0 && p[0] == '.', ends = n == 0 || p[n - 1] == '\n';

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
			crlf = false;
		if (p[i] == '\n' && i + 1 < n && p[i + 1] == '.')
			dots = true;
	}
	if (src->form & POPART_FORM_CRLF)
		CU_ASSERT_TRUE(crlf);
	if (src->form & POPART_FORM_NO_DOTS)
		CU_ASSERT_FALSE(dots);
	if (src->form & POPART_FORM_ENDS_LINE)
		CU_ASSERT_TRUE(ends);
	CU_ASSERT_FALSE(src->form & POPART_FORM_STUFFED);
	if (src->body_offset) {
		size_t body = (size_t)src->body_offset;

		CU_ASSERT_TRUE(body <= n && p[body - 1] == '\n');
		CU_ASSERT_TRUE(body == 1 || (body == 2 && p[0] == '\r') ||
			p[body - 2] == '\n' || (p[body - 2] == '\r' && p[body - 3] == '\n'));
	}
}

int box_get(struct box *b, const struct mock_msg *m, const void *stored, size_t n)
{
	struct popart_source src = { .size = sizeof(src) };
	unsigned char *got, *wire;
	size_t got_n, wire_n;
	int64_t error;
	int status = b->ops->message(b->drop, &b->call.pub, m->ref, &src);

	if (status)
		return status;
	got = mock_source_read(&b->call, &src, &got_n, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT_EQUAL(got_n, n);
	CU_ASSERT_TRUE(got_n == n && memcmp(got, stored, n) == 0);
	check_form(&src, got, got_n);
	wire = mock_wire(got, got_n, &wire_n);
	if (!(m->flags & POPART_MSG_SIZE_HINT))
		CU_ASSERT_EQUAL(m->wire_size, wire_n);
	src.wire_sent = wire_n;
	src.release(&src);
	free(wire);
	free(got);
	return POPART_OK;
}

int box_commit(struct box *b, const uint64_t *refs, size_t n, size_t *removed)
{
	return b->ops->commit(b->drop, &b->call.pub, refs, n, removed);
}

int box_deliver(struct box *b, const struct popart_delivery *about, const void *data, size_t n,
	size_t piece)
{
	return visit_deliver(b->host, &alice, about, data, n, piece);
}

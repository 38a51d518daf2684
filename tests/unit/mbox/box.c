/* SPDX-License-Identifier: MIT */
#include "unit/mbox/box.h"

#include <dirent.h>
#include "hash.h"

static const struct popart_user alice = { .size = sizeof(alice), .name = { "alice", 5 } };

static void start(struct box *b, const char *const *options)
{
	char path[400], state[400];
	const char *all[16] = { path, state };
	const char *why;

	snprintf(path, sizeof(path), "path=%s", b->path);
	snprintf(state, sizeof(state), "state_dir=%s/state", b->dir);
	for (size_t n = 2; options && *options; options++)
		all[n++] = *options;
	b->host = mockhost_start(popart_module_entry_mbox(), all, 2, &why);
	scratch_must(b->host != NULL, why ? why : "start");
	b->ops = mockhost_storage(b->host);
}

/* The module's names, made once more. */
static void name_files(struct box *b)
{
	char *real = realpath(b->dir, NULL), path[400];
	unsigned char id[16];
	struct sip sip;

	scratch_must(real != NULL, b->dir);
	snprintf(path, sizeof(path), "%s/mail/mbox", real);
	sip_begin(&sip);
	sip_add(&sip, path, strlen(path));
	sip_end(&sip, id);
	snprintf(b->index, sizeof(b->index), "%s/state/", b->dir);
	for (unsigned i = 0; i < 16; i++)
		snprintf(b->index + strlen(b->index), 3, "%02x", id[i]);
	snprintf(b->journal, sizeof(b->journal), "%.360s.journal", b->index);
	strcat(b->index, ".index");
	free(real);
}

void box_make(struct box *b, const char *const *options)
{
	char path[300];

	memset(b, 0, sizeof(*b));
	mock_list_init(&b->list);
	scratch_make(b->dir, sizeof(b->dir), scratch_memory());
	snprintf(path, sizeof(path), "%s/mail", b->dir);
	scratch_must(mkdir(path, 0700) == 0, path);
	snprintf(path, sizeof(path), "%s/state", b->dir);
	scratch_must(mkdir(path, 0700) == 0, path);
	snprintf(b->path, sizeof(b->path), "%s/mail/mbox", b->dir);
	name_files(b);
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

static void write_box(struct box *b, int flags, const void *data, size_t n)
{
	int fd = open(b->path, O_WRONLY | O_CREAT | flags, 0600);

	scratch_must(fd >= 0 && write(fd, data, n) == (ssize_t)n && close(fd) == 0, b->path);
}

void box_put(struct box *b, const void *data, size_t n)
{
	write_box(b, O_TRUNC, data, n);
}

void box_append(struct box *b, const void *data, size_t n)
{
	write_box(b, O_APPEND, data, n);
}

char *file_text(const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	char *text;

	*n = 0;
	if (fd < 0)
		return NULL;
	scratch_must(fstat(fd, &st) == 0, path);
	*n = (size_t)st.st_size;
	text = malloc(*n + 1);
	scratch_must(text && pread(fd, text, *n, 0) == st.st_size, path);
	text[*n] = 0;
	close(fd);
	return text;
}

char *box_text(struct box *b, size_t *n)
{
	char *text = file_text(b->path, n);

	scratch_must(text != NULL, b->path);
	return text;
}

bool box_holds(struct box *b, const void *data, size_t n)
{
	size_t got;
	char *text = box_text(b, &got);
	bool same = got == n && memcmp(text, data, n) == 0;

	free(text);
	return same;
}

bool has_file(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
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

int box_get(struct box *b, size_t i, const void *shown, size_t n)
{
	struct popart_source src = { .size = sizeof(src) };
	const struct mock_msg *m = &b->list.v[i];
	unsigned char *got, *wire;
	size_t got_n, wire_n;
	int64_t error;
	int status = b->ops->message(b->drop, &b->call.pub, m->ref, &src);

	if (status)
		return status;
	got = mock_source_read(&b->call, &src, &got_n, &error);
	if (got) {
		CU_ASSERT_EQUAL(got_n, n);
		CU_ASSERT_TRUE(got_n == n && memcmp(got, shown, n) == 0);
		CU_ASSERT_EQUAL(src.form, 0);
		wire = mock_wire(got, got_n, &wire_n);
		CU_ASSERT_EQUAL(m->wire_size, wire_n);
		free(wire);
	}
	src.release(&src);
	free(got);
	return got ? POPART_OK : (int)error;
}

int box_commit(struct box *b, const uint64_t *refs, size_t n, size_t *removed)
{
	return b->ops->commit(b->drop, &b->call.pub, refs, n, removed);
}

int box_deliver(struct box *b, const void *data, size_t n, size_t piece)
{
	struct popart_delivery about = { .size = sizeof(about), .received_s = 1767225600 };

	return visit_deliver(b->host, &alice, &about, data, n, piece);
}

void box_expect(struct box *b, const char *const *shown)
{
	size_t n = 0;

	CU_ASSERT_EQUAL(box_login(b), POPART_OK);
	while (shown[n])
		n++;
	CU_ASSERT_EQUAL(b->list.n, n);
	for (size_t i = 0; i < b->list.n && i < n; i++)
		CU_ASSERT_EQUAL(box_get(b, i, shown[i], strlen(shown[i])), POPART_OK);
}

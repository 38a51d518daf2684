/* SPDX-License-Identifier: MIT */
#include "unit/mbox/box.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include "hash.h"

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "box: %s: %s\n", what, strerror(errno));
	abort();
}

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
	must(b->host != NULL, why ? why : "start");
	b->ops = mockhost_storage(b->host);
}

/* The module's names, made once more. */
static void name_files(struct box *b)
{
	char *real = realpath(b->dir, NULL), path[400];
	unsigned char id[16];
	struct sip sip;

	must(real != NULL, b->dir);
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
	const char *tmp = getenv("TMPDIR");
	char path[300];

	memset(b, 0, sizeof(*b));
	mock_list_init(&b->list);
	snprintf(b->dir, sizeof(b->dir), "%s/popart-mbox-XXXXXX", tmp ? tmp : "/tmp");
	must(mkdtemp(b->dir) != NULL, b->dir);
	snprintf(path, sizeof(path), "%s/mail", b->dir);
	must(mkdir(path, 0700) == 0, path);
	snprintf(path, sizeof(path), "%s/state", b->dir);
	must(mkdir(path, 0700) == 0, path);
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

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void box_free(struct box *b)
{
	box_logout(b);
	mockhost_stop(&b->host);
	nftw(b->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void write_box(struct box *b, int flags, const void *data, size_t n)
{
	int fd = open(b->path, O_WRONLY | O_CREAT | flags, 0600);

	must(fd >= 0 && write(fd, data, n) == (ssize_t)n && close(fd) == 0, b->path);
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
	must(fstat(fd, &st) == 0, path);
	*n = (size_t)st.st_size;
	text = malloc(*n + 1);
	must(text && pread(fd, text, *n, 0) == st.st_size, path);
	text[*n] = 0;
	close(fd);
	return text;
}

char *box_text(struct box *b, size_t *n)
{
	char *text = file_text(b->path, n);

	must(text != NULL, b->path);
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
	int status;

	box_logout(b);
	mock_call_begin(&b->call, b->host, 0, 1);
	status = b->ops->open(mockhost_state(b->host), &b->call.pub, &alice, &b->drop);
	if (status == POPART_OK)
		status = b->ops->list(b->drop, &b->call.pub, &b->list.sink);
	if (status != POPART_OK)
		box_logout(b);
	return status;
}

void box_logout(struct box *b)
{
	if (b->drop)
		b->ops->close(b->drop, &b->call.pub);
	b->drop = NULL;
	mock_call_end(&b->call);
	mock_list_free(&b->list);
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
	struct mock_call call;
	void *dlv;
	int status;

	mock_call_begin(&call, b->host, 0, 0);
	status =
		b->ops->deliver_begin(mockhost_state(b->host), &call.pub, &alice, &about, &dlv);
	for (size_t at = 0; at < n && !status; at += piece) {
		size_t part = n - at < piece ? n - at : piece;

		status = b->ops->deliver_write(dlv, &call.pub, (const char *)data + at, part);
		if (status)
			b->ops->deliver_abandon(dlv, &call.pub);
	}
	if (!status)
		status = b->ops->deliver_finish(dlv, &call.pub);
	mock_call_end(&call);
	return status;
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

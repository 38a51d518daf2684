/* SPDX-License-Identifier: MIT */
/*
 * Putting a message in. It is collected in a file without a name first, so that the mailbox
 * is locked only for as long as appending takes.
 */
#include "store.h"
#include "append.h"
#include "from.h"
#include "io.h"
#include "quote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct delivery {
	struct store *store;
	struct place place;
	struct quote quote;
	int fd; /* where it is collected */
	uint64_t collected;
	size_t held; /* octets of these, the last ones, that are in buf still */
	unsigned char buf[16384];
	bool seen;
	int64_t received_s;
	char uid[FROM_UID_MAX]; /* that it brings */
	size_t uid_len;         /* 0: none */
};

static void delivery_free(struct delivery *dl)
{
	if (dl->fd >= 0)
		close(dl->fd);
	place_free(&dl->place);
	free(dl);
}

static int write_held(struct delivery *dl)
{
	int error = io_write(dl->fd, dl->buf, dl->held, dl->collected - dl->held);

	dl->held = 0;
	return error;
}

/* Often it is a line. */
static int collect(void *arg, const void *data, size_t n)
{
	struct delivery *dl = arg;
	int error = 0;

	if (n > sizeof(dl->buf) - dl->held)
		error = write_held(dl);
	if (n > sizeof(dl->buf)) {
		if (!error)
			error = io_write(dl->fd, data, n, dl->collected);
	} else {
		memcpy(dl->buf + dl->held, data, n);
		dl->held += n;
	}
	dl->collected += n;
	return error;
}

/* In state_dir, where there is room for what is ours. */
static int open_nameless(const char *beside)
{
	const char *slash = strrchr(beside, '/');
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%.*s/", (int)(slash - beside), beside);
	fd = open(path, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return fd;
	snprintf(path, sizeof(path), "%.*s/delivery.XXXXXX", (int)(slash - beside), beside);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static bool take_uid(struct delivery *dl, struct popart_str uid)
{
	if (uid.len > FROM_UID_MAX)
		return false;
	for (size_t i = 0; i < uid.len; i++) {
		if (uid.ptr[i] < 0x21 || uid.ptr[i] > 0x7e)
			return false;
		dl->uid[i] = uid.ptr[i];
	}
	dl->uid_len = uid.len;
	return true;
}

int deliver_begin(void *store, const struct popart_call *call, const struct popart_user *user,
	const struct popart_delivery *about, void **out)
{
	struct store *s = store;
	struct delivery *dl;
	int status;

	if (s->read_only)
		return s->host->fail(s->inst, call, POPART_R_UNSUPPORTED, NULL, 0,
			"this instance is read_only");
	dl = calloc(1, sizeof(*dl));
	if (!dl)
		return POPART_E_NOMEM;
	dl->store = s;
	dl->fd = -1;
	dl->seen = about->flags & POPART_MSG_SEEN;
	dl->received_s = about->received_s ? about->received_s : (int64_t)time(NULL);
	quote_begin(&dl->quote, s->format);
	status = place_find(s, call, user, &dl->place);
	if (!status && !take_uid(dl, about->uid))
		status = s->host->fail(s->inst, call, POPART_R_UNSUPPORTED, NULL, 0,
			"%s: a unique-id has 1 to 70 visible octets", dl->place.mailbox);
	if (!status) {
		ours_begin(s, call);
		dl->fd = open_nameless(dl->place.index);
		ours_end(s, call);
		if (dl->fd < 0)
			status = cannot(s, call, &dl->place, errno, "collect a message for");
	}
	if (status)
		delivery_free(dl);
	else
		*out = dl;
	return status;
}

int deliver_write(void *dlv, const struct popart_call *call, const void *data, size_t n)
{
	struct delivery *dl = dlv;
	int error = quote_add(&dl->quote, data, n, collect, dl);

	return error ? cannot(dl->store, call, &dl->place, error, "collect a message for")
		     : POPART_OK;
}

/* ---- appending ---- */

/* The line end and the empty line that must be before a "From " line, if they are not. */
static int gap_before(int fd, uint64_t size, const char **gap)
{
	unsigned char end[3] = { '\n', '\n', '\n' };
	size_t n = size < 3 ? (size_t)size : 3;
	int error = io_read(fd, end + 3 - n, n, size - n);

	if (end[2] != '\n')
		*gap = "\n\n";
	else if (end[1] != '\n' && !(end[1] == '\r' && end[0] == '\n'))
		*gap = "\n";
	else
		*gap = "";
	return error;
}

/* Lines of our own stand last in the header, which a message without an empty line is to its
 * end: nothing in it goes on in them, and no Content-Length before them is believed. */
static int own_fields(const struct delivery *dl, char *fields, size_t room)
{
	int n = snprintf(fields, room, "%s", dl->seen ? "Status: RO\n" : "");

	if (format_counts(dl->store->format) && dl->quote.header)
		n += snprintf(fields + n, room - (size_t)n, "Content-Length: %ju\n",
			(uintmax_t)(dl->collected - dl->quote.header));
	return n;
}

/* The empty line that ends the header; the whole message where there is none. */
static uint64_t header_end(const struct delivery *dl)
{
	return dl->quote.header ? dl->quote.header - dl->quote.empty : dl->collected;
}

/* The message as it will stand in the mailbox. 0 or errno. */
static int put_text(const struct delivery *dl, struct append *a, const char *gap)
{
	char line[FROM_MADE_MAX], head[FROM_MADE_MAX + 8], fields[96];
	uint64_t split = header_end(dl);
	int n, error;

	from_make(line, dl->received_s, dl->uid, dl->uid_len);
	n = snprintf(head, sizeof(head), "%s%s", gap, line);
	error = append_add(a, head, (size_t)n);
	if (!error)
		error = append_add_from(a, dl->fd, 0, split);
	n = own_fields(dl, fields, sizeof(fields));
	if (!error && n > 0)
		error = append_add(a, fields, (size_t)n);
	if (!error)
		error = append_add_from(a, dl->fd, split, dl->collected - split);
	if (!error)
		error = append_add(a, "\n\n", dl->quote.line ? 2 : 1);
	return error;
}

static int append(
	const struct delivery *dl, const struct popart_call *call, const struct box *b)
{
	const struct store *s = dl->store;
	struct append a = { .log = -1 };
	const char *gap = "";
	bool left = false;
	int error = gap_before(b->fd, (uint64_t)b->st.st_size, &gap);

	if (!error && b->st.st_size == 0) /* the file may be new */
		error = io_sync_directory_of(dl->place.mailbox);
	ours_begin(s, call);
	if (!error)
		error = append_begin(&a, dl->place.journal);
	if (!error)
		error = put_text(dl, &a, gap);
	if (!error)
		error = append_run(&a, b->fd, (unsigned)strlen(gap), &left);
	append_end(&a);
	ours_end(s, call);
	if (left)
		s->host->log(s->inst, call, POPART_LOG_ERROR,
			"%s: a message could not be written whole; %s will take out what is "
			"there of it",
			dl->place.mailbox, dl->place.journal);
	return error ? cannot(s, call, &dl->place, error, "write to") : POPART_OK;
}

int deliver_finish(void *dlv, const struct popart_call *call)
{
	struct delivery *dl = dlv;
	struct box b = { .fd = -1 };
	int status, error = quote_end(&dl->quote, collect, dl);

	if (!error)
		error = write_held(dl);
	status = error ? cannot(dl->store, call, &dl->place, error, "collect a message for")
		       : box_open(&b, dl->store, call, &dl->place, BOX_WRITE | BOX_CREATE);
	if (!status)
		status = append(dl, call, &b);
	box_close(&b);
	if (!status)
		count(dl->store, call, STAT_DELIVERED, 1);
	delivery_free(dl);
	return status;
}

void deliver_abandon(void *dlv, const struct popart_call *call)
{
	(void)call;
	delivery_free(dlv);
}

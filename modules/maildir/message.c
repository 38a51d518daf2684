/* SPDX-License-Identifier: MIT */
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>

/* ---- after sending ---- */

/* The name gets the right size; where that cannot be, the cache has the last word. */
static void heal(struct drop *d, int fd, uint64_t wire)
{
	struct message *m = &d->v[d->sending];
	char room[NAME_LEN + 1];
	const char *was = drop_name(d, m, room);
	uint8_t flags = m->bits & MESSAGE_CUR;
	struct record r = { .wire = wire };
	struct name n;
	struct stat st;
	char from[4096], to[4096], name[NAME_LEN + 1];

	name_parse(&n, (struct popart_str){ was, strlen(was) }, d->plain);
	if (name_with_wire(&n, wire, name) && drop_path(d, flags, was, from) &&
		drop_path(d, flags, name, to) && rename_apart(from, to) == 0) {
		drop_rename(d, m, name, strlen(name), flags);
		d->healed++;
	} else if (fstat(fd, &st) == 0 && proof_of_stat(&st) == d->proof) {
		r.file = detail_of(&st);
		if (wire >= r.file.stored && wire - r.file.stored <= r.file.stored + 2)
			lessons_add(d, d->sending, &r);
	}
}

static void release_counted(struct popart_source *src)
{
	close(src->fd);
}

static void release_hinted(struct popart_source *src)
{
	struct drop *d = src->ctx;

	if (src->wire_sent && src->wire_sent != message_wire(&d->v[d->sending]) &&
		src->wire_sent <= WIRE_MAX && !d->store->read_only)
		heal(d, src->fd, src->wire_sent);
	close(src->fd);
}

/* ---- before sending ---- */

/* From its directory, which is open. */
static int open_below(const struct drop *d, const struct message *m, struct dirs_place *place,
	struct stat *st)
{
	const char *below = drop_below(d, m->bits & MESSAGE_CUR), *name = place->walk.name;
	size_t len = strlen(below);
	char path[sizeof("cur/") + NAME_LEN];

	if (m->renamed)
		name = drop_name(d, m, NULL);
	else
		names_seek(&place->walk, (size_t)(m - d->v));
	memcpy(path, below, len);
	memcpy(path + len, name, strlen(name) + 1);
	return scan_open(place->fd, path, st);
}

/* Whatever is the matter in a directory that is open, the path has the last word: another one
 * may have come in its place. */
static int open_listed(struct drop *d, const struct message *m, struct stat *st)
{
	struct dirs_place *place = dirs_enter(&d->store->dirs, d);
	char path[4096], room[NAME_LEN + 1];
	int fd;

	if (place) {
		fd = open_below(d, m, place, st);
		dirs_leave(place);
		if (fd >= 0)
			return fd;
		dirs_forget(&d->store->dirs, d);
	}
	if (!drop_path(d, m->bits & MESSAGE_CUR, drop_name(d, m, room), path))
		return -ENAMETOOLONG;
	return scan_open(AT_FDCWD, path, st);
}

static bool is_gone(int fd)
{
	return fd == -ENOENT || fd == -ESTALE;
}

/* Where it was listed, or where it was moved to since: it is gone when looking for it
 * finds nothing new. */
static int open_moved(
	struct drop *d, const struct popart_call *call, struct message *m, struct stat *st)
{
	int fd = open_listed(d, m, st);
	bool moved = false;

	for (unsigned tries = 0; is_gone(fd) && tries < 4; tries++) {
		struct message before = *m;

		if (!drop_look_again(d))
			return -EAGAIN;
		if (m->renamed == before.renamed && m->bits == before.bits)
			break;
		moved = true;
		fd = open_listed(d, m, st);
	}
	if (moved && fd >= 0 && m->file && file_of_stat(st) != m->file) {
		close(fd);
		return -ENOENT; /* another message, with the base name of this one */
	}
	count(d->store, call, STAT_MESSAGES_MOVED, moved && fd >= 0);
	return fd;
}

/* The file is not as it was when it was counted: its size has to be found again, and a
 * message is never sent under a size that is not its own. */
static int count_again(
	struct drop *d, const struct popart_call *call, uint32_t index, int fd, struct stat *st)
{
	const struct store *s = d->store;
	struct message *m = &d->v[index];
	unsigned char *buf = malloc(SCAN_BUFFER);
	struct record r = { 0 };
	int error = buf ? scan_message(fd, st, buf, &r) : ENOMEM;
	char shown[NAME_LEN + 1], room[NAME_LEN + 1];

	free(buf);
	count(s, call, STAT_MESSAGES_CHANGED, 1);
	if (error)
		return s->host->fail(s->inst, call, POPART_R_TEMP, NULL, error,
			"%s: \"%s\" has changed and cannot be read again", d->root,
			name_print(drop_name(d, m, room), shown));
	lessons_add(d, index, &r);
	if (r.wire != message_wire(m))
		return s->host->fail(s->inst, call, POPART_R_TEMP,
			"this message was changed; its new size is known at the next login", 0,
			"%s: \"%s\" was changed in its place: %ju octets were listed, it now "
			"has "
			"%ju",
			d->root, name_print(drop_name(d, m, room), shown),
			(uintmax_t)message_wire(m), (uintmax_t)r.wire);
	m->proof = proof_of_stat(st);
	m->file = file_of_stat(st);
	m->body = r.body <= UINT16_MAX ? (uint16_t)r.body : 0;
	m->bits = (uint8_t)((m->bits & ~MESSAGE_FORM) | r.bits);
	return POPART_OK;
}

void message_relearn(struct drop *d, const struct popart_call *call, uint32_t index)
{
	struct record r = { 0 };
	struct stat st;
	unsigned char *buf = malloc(SCAN_BUFFER);
	int fd = buf ? open_listed(d, &d->v[index], &st) : -ENOMEM;

	if (fd >= 0 && scan_message(fd, &st, buf, &r) == 0)
		lessons_add(d, index, &r);
	if (fd >= 0)
		close(fd);
	free(buf);
	count(d->store, call, STAT_MESSAGES_CHANGED, 1);
}

static int cannot_open(const struct drop *d, const struct popart_call *call,
	const struct message *m, int error)
{
	const struct store *s = d->store;
	char shown[NAME_LEN + 1], room[NAME_LEN + 1];

	if (error == ENOENT || error == ESTALE)
		return s->host->fail(s->inst, call, POPART_R_GONE, NULL, error,
			"%s: \"%s\" was removed by another program", d->root,
			name_print(drop_name(d, m, room), shown));
	return s->host->fail(s->inst, call, status_of(error), NULL, error,
		"%s: cannot open \"%s\"", d->root, name_print(drop_name(d, m, room), shown));
}

int message_open(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *src)
{
	struct drop *d = drop;
	struct message *m;
	struct stat st;
	int fd, status = POPART_OK;
	bool hinted;

	if (ref >= d->n)
		return POPART_E_BUG;
	m = &d->v[ref];
	fd = open_moved(d, call, m, &st);
	if (fd < 0)
		return cannot_open(d, call, m, -fd);
	hinted = m->bits & MESSAGE_HINT;
	if (hinted) {
		d->sending = (uint32_t)ref;
		d->proof = proof_of_stat(&st);
		m->file = file_of_stat(&st);
	} else if (m->proof != proof_of_stat(&st)) {
		status = count_again(d, call, (uint32_t)ref, fd, &st);
	}
	if (status) {
		close(fd);
		return status;
	}
	src->kind = POPART_SRC_FD;
	src->fd = fd;
	src->offset = 0;
	src->length = (uint64_t)st.st_size;
	src->form = m->bits & MESSAGE_FORM;
	src->body_offset = m->body <= src->length ? m->body : 0;
	src->ctx = d;
	src->release = hinted ? release_hinted : release_counted;
	return POPART_OK;
}
